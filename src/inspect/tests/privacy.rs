use super::*;

const VALUES: &[(Kind, &str, &str)] = &[
    (Kind::ResidentId, "", "11010519491231002X"),
    (Kind::ResidentIdOld, "idcard ", "110105491231002"),
    (Kind::OrganisationCode, "", "91350100M000100Y43"),
    (Kind::PaymentCard, "card ", "4539578763621486"),
    (Kind::MobileChina, "tel ", "13812345678"),
    (
        Kind::Passport,
        "",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    ),
    (Kind::Vin, "vin ", "1M8GDM9AXKP042788"),
    (Kind::Iban, "", "GB82WEST12345698765432"),
    (Kind::SsnUs, "ssn ", "536904399"),
    (Kind::Imei, "imei ", "490154203237518"),
    (Kind::Email, "", "zhang.san@example.com"),
    (Kind::Aadhaar, "aadhaar ", "234123412346"),
    (Kind::HongKongId, "hkid ", "A1234563"),
    (Kind::Snils, "snils ", "11223344595"),
];

#[test]
fn no_value_is_in_what_is_given_back() {
    for (kind, before, value) in VALUES {
        let found = inspect(format!("{before}{value} "));
        assert_eq!(found.hits(*kind), 1, "{kind:?}");
        let written = [format!("{found:?}"), serde_json::to_string(&found).unwrap()];
        let longest = value.len() / 2;
        for text in written {
            for part in value.as_bytes().windows(longest.max(7)) {
                let part = str::from_utf8(part).unwrap();
                assert!(!text.contains(part), "{part} of {value} is in {text}");
            }
        }
    }
}

#[test]
fn samples_are_covered() {
    let sample = |text: &str, kind| {
        inspect(text)
            .identifier(kind)
            .unwrap()
            .sample()
            .map(String::from)
    };
    let covered = |text: &str| Some(text.to_owned());
    assert_eq!(
        sample("11010519491231002X", Kind::ResidentId),
        covered("110105********002X")
    );
    assert_eq!(
        sample("tel 13812345678", Kind::MobileChina),
        covered("1******5678")
    );
    assert_eq!(sample("536-90-4399", Kind::SsnUs), covered("*****4399"));
    assert_eq!(
        sample("li.si@example.com", Kind::Email),
        covered("l****@***********")
    );
}

#[test]
fn a_stream_and_an_inspector_do_not_show_what_they_hold() {
    let inspector = inspector();
    let mut stream = Stream::default();
    inspector.push(&mut stream, b"11010519491231002X", &mut Found::default());
    assert_eq!(stream.kept_bytes(), 18);
    assert_eq!(format!("{stream:?}"), "Stream { kept_bytes: 18, .. }");
    assert_eq!(
        format!("{inspector:?}"),
        "Inspector { test_cards: Counted, .. }"
    );
}

#[test]
fn hashes_depend_on_the_key_and_the_kind() {
    let other = Inspector::new([7; 16], TestCards::Counted).unwrap();
    let text = b"11010519491231002X";
    let hash = |inspector: &Inspector| {
        let found = inspect_cut(inspector, text, usize::MAX);
        let hash = found.identifier(Kind::ResidentId).unwrap().hashes().next();
        hash.unwrap()
    };
    assert_ne!(hash(&inspector()), hash(&other));
    let value = b"4539578763621486";
    let inspector = inspector();
    assert_ne!(
        inspector.hash(Kind::PaymentCard, value),
        inspector.hash(Kind::Imei, value)
    );
}
