use super::make::{
    Chance, base64, full_width, full_width_gbk, gzip, percent, resident_id, utf16_be, utf16_le,
    zlib,
};
use super::*;

const ID: &str = "11010519491231002X";

#[test]
fn utf16_of_either_order_is_read() {
    let texts = [
        ID.to_owned(),
        format!("a,{ID},b"),
        format!("{{\"id\":\"{ID}\"}}"),
        format!("身份证: {ID} 号"),
        format!("号{ID}"),
        format!("{ID}，"),
    ];
    for text in &texts {
        assert_eq!(
            hits(Kind::ResidentId, utf16_le(text)),
            1,
            "little endian {text}"
        );
        assert_eq!(
            hits(Kind::ResidentId, utf16_be(text)),
            1,
            "big endian {text}"
        );
    }
    for (kind, text) in [
        (Kind::MobileChina, "手机: 13812345678"),
        (Kind::MobileChina, "phone=138 1234 5678;"),
        (Kind::PaymentCard, "card 4111 1111 1111 1111."),
        (Kind::SsnUs, "is 536-90-4399."),
        (Kind::Vin, "VIN \"LSVAA49J132047371\" vin 1M8GDM9AXKP042788"),
        (Kind::Email, "to wang.wu@example.com, "),
        (Kind::Iban, "DE89370400440532013000 "),
    ] {
        assert!(hits(kind, utf16_le(text)) >= 1, "little endian {text}");
        assert!(hits(kind, utf16_be(text)) >= 1, "big endian {text}");
    }
}

#[test]
fn strings_that_end_in_a_zero_are_not_utf16() {
    let binary = format!("abc\0{ID}\0de\0");
    assert_eq!(hits(Kind::ResidentId, binary), 1);
}

#[test]
fn gbk_is_read() {
    // A character of GBK may end in a byte that is a letter: U+4E02 is 81 40, U+4E12 is 81 47.
    let mut text = b"\x81\x47".to_vec();
    text.extend_from_slice(ID.as_bytes());
    text.extend_from_slice(b"\xD6\xA4");
    assert_eq!(hits(Kind::ResidentId, &text), 1);
    let phone = b"\xCA\xD6\xBB\xFA\xA3\xBA13812345678\xA1\xA3";
    assert_eq!(hits(Kind::MobileChina, phone), 1);
    let card = [b"\xBF\xA8\xBA\xC5 ".as_slice(), b"4539578763621486\xD2\xBB"].concat();
    assert_eq!(hits(Kind::PaymentCard, card), 1);
    let bare = b"\xB1\xE0\xBA\xC5\xA3\xBA13812345678\xA1\xA3";
    assert_eq!(hits(Kind::MobileChina, bare), 0);
}

#[test]
fn chinese_in_utf8_touches_identifiers() {
    for text in [
        "号11010519491231002X，",
        "声11010519491231002X。",
        "证件号码：11010519491231002X",
    ] {
        assert_eq!(hits(Kind::ResidentId, text), 1, "{text}");
    }
    assert_eq!(hits(Kind::MobileChina, "手机13812345678号"), 1);
    assert_eq!(hits(Kind::Vin, "车架号1M8GDM9AXKP042788。"), 1);
    assert_eq!(hits(Kind::HongKongId, "身份證號碼A123456(3)"), 1);
}

#[test]
fn full_width_digits_are_read() {
    let wide = full_width(ID);
    for text in [wide.clone(), format!("号码：{wide}。"), format!("x {wide}")] {
        assert_eq!(hits(Kind::ResidentId, &text), 1, "{text}");
    }
    let gbk = full_width_gbk(ID);
    assert_eq!(hits(Kind::ResidentId, &gbk), 1);
    let labelled = [b"\xBA\xC5\xC2\xEB\xA3\xBA".as_slice(), &gbk, b"\xA1\xA3"].concat();
    assert_eq!(hits(Kind::ResidentId, labelled), 1);
    let touching = [b"\xBA\xC5\xC2\xEB".as_slice(), &gbk].concat();
    assert_eq!(hits(Kind::ResidentId, touching), 1);
    assert_eq!(
        hits(
            Kind::MobileChina,
            format!("手机：{}", full_width("13812345678"))
        ),
        1
    );
    let miss = full_width("110105194912310021");
    assert_eq!(hits(Kind::ResidentId, miss), 0);
}

#[test]
fn the_hash_does_not_depend_on_the_code() {
    let hashes = |bytes: Vec<u8>| -> Vec<u64> {
        inspect(bytes)
            .identifier(Kind::ResidentId)
            .unwrap()
            .hashes()
            .collect()
    };
    let plain = hashes(ID.as_bytes().to_vec());
    assert_eq!(plain.len(), 1);
    for bytes in [
        utf16_le(ID),
        utf16_be(ID),
        full_width(ID).into(),
        full_width_gbk(ID),
    ] {
        assert_eq!(hashes(bytes), plain);
    }
    assert_eq!(hashes(ID.to_lowercase().into()), plain);
    let phones = inspect("tel 13812345678 tel +8613812345678 tel 138-1234-5678");
    assert_eq!(phones.hits(Kind::MobileChina), 3);
    assert_eq!(
        phones.identifier(Kind::MobileChina).unwrap().hashes().len(),
        1
    );
}

#[test]
fn percent_encoding_is_read() {
    let query = format!("q=%20{ID}%26x=1");
    assert_eq!(hits(Kind::ResidentId, query), 1);
    let every: String = ID.bytes().map(|byte| format!("%{byte:02x}")).collect();
    assert_eq!(hits(Kind::ResidentId, every), 1);
    let label = percent("手机".as_bytes());
    assert_eq!(
        hits(Kind::MobileChina, format!("{label}=13812345678&a=b")),
        1
    );
    assert_eq!(hits(Kind::Email, "mail=li.si%40example.com&a=b"), 1);
    assert_eq!(hits(Kind::MobileChina, "phone=%2B8613812345678&a=b"), 1);
    assert_eq!(
        hits(Kind::PaymentCard, "card=4539%205787%206362%201486&a=b"),
        1
    );
}

#[test]
fn escapes_of_json_are_read() {
    assert_eq!(
        hits(Kind::MobileChina, r#"{"\u624b\u673a":"13812345678"}"#),
        1
    );
    assert_eq!(hits(Kind::ResidentId, format!(r#""a\n{ID}\u8bc1""#)), 1);
    assert_eq!(hits(Kind::ResidentId, format!(r#""\u8bc1{ID}""#)), 1);
}

#[test]
fn one_level_of_base64_is_read() {
    let text =
        format!("{{\"name\":\"somebody whose name is long\",\"id\":\"{ID}\",\"x\":\"yyy\"}}");
    let once = base64(text.as_bytes());
    assert!(once.len() >= 64);
    assert_eq!(hits(Kind::ResidentId, &once), 1);
    assert_eq!(
        hits(Kind::ResidentId, format!("{{\"data\":\"{once}\"}}")),
        1
    );
    let lines: Vec<&str> = once
        .as_bytes()
        .chunks(76)
        .map(|l| str::from_utf8(l).unwrap())
        .collect();
    assert!(lines.len() > 1);
    for end in ["\r\n", "\n"] {
        assert_eq!(
            hits(
                Kind::ResidentId,
                format!("\r\n\r\n{}\r\n--b", lines.join(end))
            ),
            1
        );
    }
    let url_safe = once.replace('+', "-").replace('/', "_");
    assert_eq!(hits(Kind::ResidentId, url_safe), 1);
    let wide = base64(&utf16_le(&text));
    assert_eq!(hits(Kind::ResidentId, wide), 1);
}

#[test]
fn runs_of_base64_may_have_any_length() {
    for padding in 0..12 {
        let text = format!("{}{ID}", "-".repeat(48 + padding));
        assert_eq!(
            hits(Kind::ResidentId, base64(text.as_bytes())),
            1,
            "{padding}"
        );
        assert_eq!(
            hits(Kind::ResidentId, base64(text.as_bytes()).replace('=', "")),
            1
        );
    }
}

#[test]
fn compressed_content_is_read() {
    let mut chance = Chance(11);
    let ids: Vec<String> = (0..500).map(|_| resident_id(&mut chance)).collect();
    let text = ids.join("\n");
    for packed in [
        gzip(text.as_bytes()),
        zstd::encode_all(text.as_bytes(), 3).unwrap(),
    ] {
        assert_eq!(hits(Kind::ResidentId, &packed), 500);
        assert_eq!(
            hits(Kind::ResidentId, [b"any bytes", packed.as_slice()].concat()),
            500
        );
    }
    let zlib = zlib(text.as_bytes());
    let raw = &zlib[2..zlib.len() - 4];
    for (encoding, body) in [
        ("gzip", gzip(text.as_bytes()).as_slice()),
        ("deflate", &zlib),
        ("deflate", raw),
        ("zstd", &zstd::encode_all(text.as_bytes(), 3).unwrap()),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\n");
        let plain = [head.as_bytes(), b"\r\n", body].concat();
        assert_eq!(hits(Kind::ResidentId, plain), 500, "{encoding}");
        let mut chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
        for chunk in body.chunks(300) {
            chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
            chunked.extend_from_slice(chunk);
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");
        // A second answer follows on the same connection.
        let twice = [chunked.clone(), chunked].concat();
        assert_eq!(hits(Kind::ResidentId, twice), 1_000, "{encoding} in chunks");
    }
    let cut = &gzip(text.as_bytes())[..1_000];
    assert!(
        hits(Kind::ResidentId, cut) > 10,
        "what was decoded before the end counts"
    );
}

#[test]
fn what_is_not_read_is_counted() {
    let brotli = inspect("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n...");
    assert_eq!(brotli.skipped(Skip::Encoding), 1);
    let nested = gzip(&gzip(ID.as_bytes()));
    let found = inspect(nested);
    assert_eq!(
        (found.hits(Kind::ResidentId), found.skipped(Skip::Nested)),
        (0, 1)
    );
    let long = format!("{}{ID}", "-".repeat(80));
    let found = inspect(base64(base64(long.as_bytes()).as_bytes()));
    assert_eq!(
        (found.hits(Kind::ResidentId), found.skipped(Skip::Nested)),
        (0, 1)
    );
    let broken = b"\x1F\x8B\x08\x00\x00\x00\x00\x00\x00\x03\xFF\xFF\xFF\xFF\xFF\xFF\xFF";
    assert_eq!(inspect(broken).skipped(Skip::Broken), 1);
}
