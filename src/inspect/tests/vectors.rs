use super::*;

fn assert_found(kind: Kind, text: &str) {
    assert_eq!(hits(kind, text), 1, "{kind:?} in {text:?}");
}

fn assert_not_found(kind: Kind, text: &str) {
    assert_eq!(hits(kind, text), 0, "{kind:?} in {text:?}");
}

#[test]
fn those_that_stand_alone_are_found() {
    for (kind, values) in [
        (
            Kind::ResidentId,
            &[
                "11010519491231002X",
                "440524188001010014",
                "360426199101010071",
            ][..],
        ),
        (
            Kind::OrganisationCode,
            &[
                "91350100M000100Y43",
                "91110000600037341L",
                "91310000132200821H",
            ],
        ),
        (
            Kind::Iban,
            &[
                "GB82WEST12345698765432",
                "DE89370400440532013000",
                "FR1420041010050500013M02606",
                "NL91ABNA0417164300",
                "SA0380000000608010167519",
                "GB82 WEST 1234 5698 7654 32",
                "DE89 3704 0044 0532 0130 00",
            ],
        ),
        (
            Kind::Passport,
            &["L898902C36UTO7408122F1204159ZE184226B<<<<<10"],
        ),
        (Kind::SsnUs, &["536-90-4399"]),
        (
            Kind::Email,
            &["zhang.san@example.com", "a.b+c@mail.example.co.uk"],
        ),
    ] {
        for value in values {
            assert_found(kind, value);
            assert_found(kind, &format!("{{\"a\":\"{value}\",\"b\":1}}"));
            assert_found(kind, &format!("<a>{value}</a>"));
            assert_found(kind, &format!("x,{value},y\r\n"));
        }
    }
}

#[test]
fn those_that_need_a_word_are_found_with_one_and_not_without() {
    for (kind, word, values) in [
        (
            Kind::PaymentCard,
            "card",
            &[
                "6200000000000005",
                "6205500000000000004",
                "4111111111111111",
                "5555555555554444",
                "378282246310005",
                "6011111111111117",
                "3530111333300000",
                "30569309025904",
                "4111 1111 1111 1111",
                "4111-1111-1111-1111",
                "3782 822463 10005",
            ][..],
        ),
        (
            Kind::Vin,
            "vin",
            &[
                "1M8GDM9AXKP042788",
                "11111111111111111",
                "5GZCZ43D13S812715",
                "WDBEA30D3HA391172",
                "1FACP45EXLF192944",
            ],
        ),
        (Kind::Imei, "imei", &["490154203237518"]),
        (
            Kind::Aadhaar,
            "aadhaar",
            &["234123412346", "2341 2341 2346"],
        ),
        (Kind::ResidentIdOld, "身份证", &["110105491231002"]),
        (Kind::SsnUs, "ssn", &["536904399"]),
        (
            Kind::MobileChina,
            "phone",
            &["13812345678", "+8613812345678", "+86 138 1234 5678"],
        ),
        (Kind::HongKongId, "hkid", &["A123456(3)", "A1234563"]),
        (Kind::Snils, "snils", &["11223344595", "112-233-445 95"]),
    ] {
        for value in values {
            assert_found(kind, &format!("{{\"{word}\": \"{value}\"}}"));
            assert_found(kind, &format!("{word}={value}&x=1"));
            assert_not_found(kind, &format!("{{\"n\": \"{value}\"}}"));
            assert_not_found(kind, value);
        }
    }
}

#[test]
fn invalid_ones_are_not() {
    for (kind, text) in [
        (Kind::ResidentId, "110105194912310021"),
        (Kind::ResidentId, "111010519491231002X"),
        (Kind::ResidentId, "a11010519491231002X"),
        (Kind::ResidentId, "11010519491231002X1"),
        (Kind::Iban, "GB82WEST12345698765431"),
        (Kind::Iban, "GB82 WEST 1234 5698 7654 31"),
        (Kind::PaymentCard, "card 6221558812340000"),
        (Kind::SsnUs, "078-05-1120"),
        (Kind::SsnUs, "457-55-5462"),
        (Kind::SsnUs, "219-09-9999"),
        (Kind::SsnUs, "666-90-4399"),
        (Kind::SsnUs, "936-90-4399"),
        (Kind::SsnUs, "000-90-4399"),
        (Kind::SsnUs, "536-00-4399"),
        (Kind::SsnUs, "536-90-0000"),
        (Kind::SsnUs, "1536-90-4399"),
        (
            Kind::Passport,
            "L898902C36UTO7408122F1204159ZE184226B<<<<<11",
        ),
        (Kind::Email, "root@localhost"),
        (Kind::Email, "icon@2x.png"),
        (
            Kind::Email,
            "\r\nMessage-ID: <2024.a1@mail.example.com>\r\n",
        ),
    ] {
        assert_not_found(kind, text);
    }
}

#[test]
fn a_density_is_evidence_and_a_share_is_not() {
    let number = |n: usize| format!("{}1234567{n}", ["138", "159", "186"][n % 3]);
    let rows = |count: usize| -> String {
        (0..count)
            .map(|n| format!("{n},{}\r\n", number(n)))
            .collect()
    };
    assert_eq!(hits(Kind::MobileChina, rows(6)), 6);
    let five = inspect(rows(5));
    let seen = five.identifier(Kind::MobileChina).unwrap();
    assert_eq!((seen.hits(), seen.unconfirmed()), (0, 5));
    let again: String = (0..9).map(|_| number(1) + "\r\n").collect();
    assert_eq!(hits(Kind::MobileChina, again), 0, "one value many times");
    let other = "20000000001,";
    assert_eq!(hits(Kind::MobileChina, other.to_owned() + &rows(6)), 0);
    assert_eq!(hits(Kind::MobileChina, other.to_owned() + &rows(7)), 7);
    let others: String = (0..10).map(|n| format!("2000000000{n},")).collect();
    assert_eq!(hits(Kind::MobileChina, others + &rows(9)), 0);
    let vins = "1M8GDM9AXKP042788 5GZCZ43D13S812715 WDBEA30D3HA391172 1FACP45EXLF192944";
    assert_eq!(hits(Kind::Vin, vins), 4);
    let cards = "4111111111111111,5555555555554444,6011111111111117,4111111111111111,\
        378282246310005,3530111333300000,30569309025904";
    assert_eq!(hits(Kind::PaymentCard, cards), 7);
}

#[test]
fn test_cards_are_left_out_on_request() {
    let inspector = Inspector::new(KEY, TestCards::Ignored).unwrap();
    let text = b"card 4111111111111111 card 4111111111111111 card 4539578763621486";
    assert_eq!(
        inspect_cut(&inspector, text, usize::MAX).hits(Kind::PaymentCard),
        1
    );
    assert_eq!(hits(Kind::PaymentCard, text), 3);
}

#[test]
fn checks_of_others_hold() {
    // A sum of 100 or 101 is written as 00.
    assert!(national::is_snils(b"10001899900") && national::is_snils(b"10001989900"));
    assert!(digits::is_luhn(b"79927398713"));
    assert!(!digits::is_luhn(b"79927398710"));
    assert!(digits::is_verhoeff(b"2363"));
    assert!(!digits::is_verhoeff(b"2364"));
    assert!(digits::is_date(2000, 2, 29) && !digits::is_date(1900, 2, 29));
}

#[test]
fn passports_are_found_in_both_lines() {
    let first = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<";
    let second = "L898902C36UTO7408122F1204159ZE184226B<<<<<10";
    assert_eq!(first.len(), 44);
    for between in ["", "\n", "\r\n"] {
        assert_eq!(
            hits(Kind::Passport, format!("mrz:{first}{between}{second}\n")),
            1,
            "{between:?}"
        );
    }
    // A specimen with fillers inside, whose line has several words.
    assert_eq!(
        hits(
            Kind::Passport,
            "C01X00T478D<<6408125F2702283<<<<<<<<<<<<<<<4"
        ),
        1
    );
}
