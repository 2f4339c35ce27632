use std::net::IpAddr;

use super::*;
use crate::decode::{Said, Sighting};
use crate::time::{SECONDS_PER_DAY, Tick};

const fn card(number: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, number])
}

fn at(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn claim(bindings: &mut Bindings, second: u64, address: &str, mac: Mac) {
    let (address, said) = (at(address), Said::ByNeighbour);
    bindings.learn(Tick(second), &Sighting { address, mac, said });
}

/// A neighbour says so until it is believed.
fn settle(bindings: &mut Bindings, second: u64, address: &str, mac: Mac) {
    claim(bindings, second, address, mac);
    claim(bindings, second + CONFIRM_SECONDS, address, mac);
}

fn lend(bindings: &mut Bindings, second: u64, address: &str, mac: Mac) {
    let said = Said::ByServer {
        server: [10, 0, 0, 1].into(),
        seconds: 3_600,
    };
    let address = at(address);
    bindings.learn(Tick(second), &Sighting { address, mac, said });
}

fn inventory(text: &str) -> Inventory {
    let config: AssetConfig = toml::from_str(text).unwrap();
    config.check().unwrap();
    Inventory::new(&config)
}

fn keys(inventory: &Inventory, bindings: &Bindings, address: &str) -> Vec<AssetKey> {
    let asset = inventory.asset(bindings, at(address).into());
    let before = inventory.predecessors(bindings, asset, at(address));
    [asset].into_iter().chain(before).collect()
}

#[test]
fn a_machine_keeps_its_key_when_it_gets_another_address() {
    let (names, mut bindings) = (inventory(""), Bindings::default());
    let v4 = |address: &str| AssetKey::of(at(address));
    assert_eq!(keys(&names, &bindings, "10.0.0.5"), [v4("10.0.0.5")]);
    lend(&mut bindings, 100, "10.0.0.5", card(1));
    let machine = AssetKey::Mac(card(1));
    assert_eq!(
        keys(&names, &bindings, "10.0.0.5"),
        [machine, v4("10.0.0.5")]
    );
    lend(&mut bindings, 9_000, "10.0.0.6", card(1));
    assert_eq!(names.asset(&bindings, at("10.0.0.6").into()), machine);
    assert_eq!(bindings.churn, 1);
    // Its old address is lent to another machine, which has nothing to do with it.
    lend(&mut bindings, 9_001, "10.0.0.5", card(2));
    let other = AssetKey::Mac(card(2));
    assert_eq!(keys(&names, &bindings, "10.0.0.5"), [other, v4("10.0.0.5")]);
    assert_eq!(bindings.churn, 2);
    settle(&mut bindings, 9_100, "fd00::5", card(1));
    assert_eq!(
        keys(&names, &bindings, "fd00::5"),
        [machine],
        "a /64 is of many"
    );
    assert_eq!(names.label(machine, at("10.0.0.6")), "10.0.0.6");
}

#[test]
fn a_neighbour_is_believed_when_it_says_so_again_and_nobody_objects() {
    let mut bindings = Bindings::default();
    let holder = |bindings: &Bindings| bindings.holder(at("10.0.0.5"));
    claim(&mut bindings, 0, "10.0.0.5", card(1));
    claim(&mut bindings, CONFIRM_SECONDS - 1, "10.0.0.5", card(1));
    assert_eq!(holder(&bindings), None, "too soon");
    claim(&mut bindings, CONFIRM_SECONDS, "10.0.0.5", card(1));
    assert_eq!(holder(&bindings), Some(card(1)));
    // A liar who is contradicted each time does not get it, however often it tries.
    for second in (100..10_000).step_by(40) {
        claim(&mut bindings, second, "10.0.0.5", card(9));
        claim(&mut bindings, second + 1, "10.0.0.5", card(1));
    }
    assert_eq!((holder(&bindings), bindings.churn), (Some(card(1)), 0));
    // Two who contradict each other get nothing.
    for second in (0..10_000).step_by(40) {
        claim(&mut bindings, second, "10.0.0.6", card(8));
        claim(&mut bindings, second + 1, "10.0.0.6", card(9));
    }
    assert_eq!(bindings.holder(at("10.0.0.6")), None);
}

#[test]
fn while_a_lease_runs_no_neighbour_takes_the_address() {
    let mut bindings = Bindings::default();
    lend(&mut bindings, 0, "10.0.0.5", card(1));
    settle(&mut bindings, 100, "10.0.0.5", card(9));
    assert_eq!(bindings.holder(at("10.0.0.5")), Some(card(1)));
    claim(&mut bindings, 3_600, "10.0.0.5", card(9));
    assert_eq!(bindings.holder(at("10.0.0.5")), Some(card(9)), "it is over");
    assert_eq!(bindings.churn, 1);
}

#[test]
fn what_a_liar_takes_from_a_silent_machine_goes_back_to_it() {
    let (names, mut bindings) = (inventory(""), Bindings::default());
    settle(&mut bindings, 0, "10.0.0.5", card(1));
    let [owner, liar] = [1, 9].map(|number| AssetKey::Mac(card(number)));
    let own = AssetKey::of(at("10.0.0.5"));
    settle(&mut bindings, 100, "10.0.0.5", card(9));
    assert_eq!(keys(&names, &bindings, "10.0.0.5"), [liar, own, owner]);
    settle(&mut bindings, 200, "10.0.0.5", card(1));
    assert_eq!(keys(&names, &bindings, "10.0.0.5"), [owner, own, liar]);
    // One that has an address of its own has a past of its own, and gets no other.
    settle(&mut bindings, 300, "10.0.0.9", card(1));
    settle(&mut bindings, 400, "10.0.0.5", card(9));
    assert_eq!(keys(&names, &bindings, "10.0.0.5"), [liar, own]);
}

#[test]
fn a_router_that_answers_for_many_is_no_asset() {
    let (names, mut bindings) = (inventory(""), Bindings::default());
    let [ipv4_max, _] = ADDRESSES_PER_CARD_MAX;
    for number in 1..=ipv4_max {
        settle(&mut bindings, 0, &format!("10.0.0.{number}"), card(7));
    }
    let router = AssetKey::Mac(card(7));
    assert_eq!(names.asset(&bindings, at("10.0.0.1").into()), router);
    settle(&mut bindings, 60, "10.0.0.99", card(7));
    for address in ["10.0.0.1", "10.0.0.99"] {
        let own = AssetKey::of(at(address));
        assert_eq!(keys(&names, &bindings, address), [own, router]);
    }
    // A machine that is lent one address after the other is none, and neither is one whose
    // old addresses were not seen for a day.
    for number in 1..=9 {
        lend(
            &mut bindings,
            100 + number,
            &format!("10.0.1.{number}"),
            card(8),
        );
        let day = number * SECONDS_PER_DAY;
        settle(&mut bindings, day, &format!("10.0.2.{number}"), card(9));
    }
    assert_eq!(bindings.holder(at("10.0.1.9")), Some(card(8)));
    assert_eq!(bindings.holder(at("10.0.2.9")), Some(card(9)));
}

#[test]
fn names_come_first_and_the_longest_prefix_counts() {
    let text = "[[known]]\nname = \"branch\"\naddresses = [\"10.1.0.0/16\", \"fd00:1::/48\"]\n\
        [[known]]\nname = \"nas\"\naddresses = [\"10.1.0.9\"]\nmac = \"02:00:00:00:00:03\"\n";
    let mut bindings = Bindings::default();
    settle(&mut bindings, 0, "10.1.0.5", card(1));
    settle(&mut bindings, 0, "10.2.0.5", card(3));
    let label = |names: &Inventory, bindings: &Bindings, address: &str| {
        names.label(names.asset(bindings, at(address).into()), at(address))
    };
    let auto = inventory(text);
    let cases = [
        ("10.1.0.5", "branch"),
        ("::ffff:10.1.0.5", "branch"),
        ("fd00:1::7", "branch"),
        ("10.1.0.9", "nas"),
        ("10.2.0.5", "nas"),
        ("10.3.0.5", "10.3.0.5"),
        ("fd00:2::7", "fd00:2::/64"),
    ];
    for (address, name) in cases {
        assert_eq!(label(&auto, &bindings, address), name);
    }
    let nas = auto.asset(&bindings, at("10.1.0.9").into());
    assert_eq!(
        keys(&auto, &bindings, "10.2.0.5"),
        [nas, AssetKey::Mac(card(3)), AssetKey::of(at("10.2.0.5"))],
        "one machine goes on under its name"
    );
    assert_eq!(
        keys(&auto, &bindings, "10.1.0.5").len(),
        1,
        "one of many does not"
    );
    assert_eq!(
        auto.asset(&bindings, at("0.0.0.0").into()),
        AssetKey::UNNAMED
    );
    let by_card = inventory(&format!("by = \"mac\"\n{text}"));
    assert_eq!(label(&by_card, &bindings, "10.1.0.5"), "10.1.0.5");
    assert_eq!(label(&by_card, &bindings, "10.1.0.6"), "branch");
    let by_address = inventory("by = \"address\"");
    assert_eq!(label(&by_address, &bindings, "10.1.0.5"), "10.1.0.5");
    assert_eq!(
        keys(&by_address, &bindings, "10.1.0.5")[0],
        AssetKey::of(at("10.1.0.5"))
    );
}

#[test]
fn a_flood_of_lies_pushes_out_itself_and_not_machines_that_export() {
    let mut bindings = Bindings::default();
    settle(&mut bindings, 0, "10.0.0.5", card(1));
    bindings.mark_used(card(1));
    let most = u32::try_from(BINDINGS_MAX).unwrap();
    for number in 0..2 * most {
        let address = (0x0b00_0000 + number).to_be_bytes().into();
        let [_, a, b, c] = number.to_be_bytes();
        let (mac, said) = (Mac([4, 0, 0, a, b, c]), Said::ByNeighbour);
        for second in [1, 1 + CONFIRM_SECONDS] {
            let now = Tick(u64::from(number) + second);
            bindings.learn(now, &Sighting { address, mac, said });
        }
        assert!(bindings.len() <= BINDINGS_MAX);
    }
    assert_eq!(bindings.holder(at("10.0.0.5")), Some(card(1)));
    assert!(bindings.evicted > u64::from(most));
    let kept = postcard::to_stdvec(&bindings).unwrap();
    let read: Bindings = postcard::from_bytes(&kept).unwrap();
    assert_eq!(read.holder(at("10.0.0.5")), Some(card(1)));
    assert_eq!(postcard::to_stdvec(&read).unwrap(), kept);
}
