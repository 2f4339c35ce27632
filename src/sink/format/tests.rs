use super::*;
use crate::ledger::{Hash, Head, PublicKey, Signature};
use crate::sink::event::tests::alert_line;
use crate::time::{Tick, Timestamp};
use serde_json::json;

const ALL: [Format; 8] = [
    Format::Json,
    Format::Eve,
    Format::Zeek,
    Format::ZeekJson,
    Format::Ecs,
    Format::Ocsf,
    Format::Cef,
    Format::Structured,
];

/// What strangers may write into a name.
const HOSTILE: [&str; 14] = [
    "plain",
    "two\nlines\r\n<13>1 - - - - - -",
    "nul\0in",
    "pipe|and\\|backslash\\",
    "a=b c=d",
    "quote\"bracket]\\\"]",
    "[x@1 y=\"z\"]",
    "rtl\u{202e}gnp.exe\u{2066}",
    "\u{1b}[2J\u{9b}31m\u{7f}",
    "\ttab\t-\t(empty)",
    "-",
    "#close",
    "<script>alert(1)</script>{{.Labels}}",
    "组织 é \u{fffe}\u{10ffff}",
];

fn origin() -> Origin {
    Origin::new("sensor 1\n")
}

fn event(text: &str) -> Event {
    Event::of_alert(&alert_line(text)).unwrap()
}

fn head() -> Event {
    let head = Head {
        size: 3,
        root: Hash([1; 32]),
        time: Timestamp::from_parts(1_772_438_400, 7),
        key: PublicKey([2; 32]),
        signature: Signature([3; 64]),
    };
    Event::Head { head }
}

fn cleaned(text: &str) -> String {
    crate::report::clean(text, 600)
}

fn value(format: Format, event: &Event) -> Value {
    let line = format.line(event, &origin()).unwrap();
    serde_json::from_str(&line).unwrap()
}

#[test]
fn no_line_has_a_raw_control_whatever_names_hold() {
    let long = "\u{202e}\"]|=".repeat(13_000);
    let texts = HOSTILE.iter().copied().chain([&*long]);
    for text in texts {
        let event = event(text);
        for format in ALL {
            let line = format.line(&event, &origin()).unwrap();
            let message = format.syslog(&event, &origin()).unwrap();
            for line in [&line, &message] {
                let is_bad = |letter: char| {
                    let is_tab = letter == '\t' && format == Format::Zeek;
                    (letter.is_control() && !is_tab) || matches!(letter, '\u{2028}'..='\u{202e}')
                };
                assert!(!line.contains(is_bad), "{format:?}: {line:?}");
                assert!(line.len() < 64 * 1024, "{format:?}: {} bytes", line.len());
            }
            if format.is_json() {
                serde_json::from_str::<Value>(&line).unwrap();
            }
        }
    }
}

#[test]
fn heads_go_where_they_have_a_place() {
    for format in ALL {
        let line = format.line(&head(), &origin());
        assert_eq!(line.is_some(), format.carries_heads(), "{format:?}");
    }
    let Event::Head { head: kept } = head() else {
        panic!("a head");
    };
    let line = kept.line();
    let json = Format::Json.line(&head(), &origin()).unwrap();
    assert_eq!(json, format!("{{\"kind\":\"head\",\"head\":{line}}}"));
    let message = Format::Structured.syslog(&head(), &origin()).unwrap();
    assert!(
        message.starts_with("<134>1 2026-03-02T08:00:00Z sensor1 borderflow - head [borderflow@")
    );
    assert!(message.ends_with(&format!("] {line}")), "{message}");
    assert_eq!(value(Format::Ecs, &head())["message"], json!(line));
}

#[test]
fn eve_is_an_alert_of_suricata() {
    let event = event("x");
    let mut eve = value(Format::Eve, &event);
    let ours = eve.as_object_mut().unwrap().remove("borderflow").unwrap();
    assert_eq!(ours["bytes"], 521_532);
    // Names and types of an alert's fields by Suricata's documentation of EVE; no other is there.
    let of = |names: &[&str], kind: &str| {
        let pairs = names
            .iter()
            .map(|name| ((*name).to_owned(), json!({ "type": kind })));
        pairs.collect::<Map<_, _>>()
    };
    let mut top = of(
        &[
            "event_type",
            "host",
            "src_ip",
            "dest_ip",
            "proto",
            "app_proto",
        ],
        "string",
    );
    top.extend(of(&["flow_id", "src_port", "dest_port"], "integer"));
    let pattern = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+[+\-]\d+$";
    top.insert(
        "timestamp".to_owned(),
        json!({ "type": "string", "pattern": pattern }),
    );
    let mut alert = of(&["action", "signature", "category"], "string");
    alert.extend(of(&["gid", "signature_id", "rev", "severity"], "integer"));
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let metadata = json!({ "signature_severity": texts, "tag": texts });
    let closed = |properties: Value, required: Value| {
        json!({
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
            "required": required,
        })
    };
    alert.insert("metadata".to_owned(), closed(metadata, json!([])));
    let required = json!([
        "action",
        "gid",
        "signature_id",
        "rev",
        "signature",
        "severity"
    ]);
    top.insert("alert".to_owned(), closed(Value::Object(alert), required));
    let schema = closed(
        Value::Object(top),
        json!(["timestamp", "event_type", "alert"]),
    );
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("eve", schema).unwrap();
    let index = compiler.compile("eve", &mut schemas).unwrap();
    let fits = schemas.validate(&eve, index);
    assert!(fits.is_ok(), "{fits:?} in {eve}");
    assert_eq!(eve["timestamp"], "2026-06-19T02:20:11.000000+0000");
    assert_eq!(eve["alert"]["severity"], 2);
    assert_eq!(
        (&eve["proto"], &eve["dest_port"]),
        (&json!("TCP"), &json!(443))
    );
    let later = alert_line("x");
    let later = Event::of_alert(&later).unwrap();
    assert_eq!(value(Format::Eve, &later)["flow_id"], eve["flow_id"]);
    assert!(eve["flow_id"].as_u64().unwrap() < 1 << 53);
}

#[test]
fn zeek_has_as_many_columns_as_its_head_says() {
    let header = zeek_header(Moment(Tick(1_772_438_400)));
    let columns = |start: &str| {
        let line = header.lines().find(|line| line.starts_with(start)).unwrap();
        line.split('\t').count() - 1
    };
    assert!(
        header.contains("\n#open\t2026-03-02-08-00-00\n"),
        "{header}"
    );
    assert_eq!(columns("#fields"), 26);
    assert_eq!(columns("#types"), 26);
    for text in HOSTILE {
        let line = Format::Zeek.line(&event(text), &origin()).unwrap();
        let fields: Vec<_> = line.split('\t').collect();
        assert_eq!(fields.len(), 26, "{line}");
        assert!(!line.starts_with('#'));
        let message = unescaped(fields[11]);
        assert!(message.ends_with(&cleaned(text)), "{message}");
    }
    let json = value(Format::ZeekJson, &event("x"));
    assert_eq!(json["note"], "Borderflow::Incident_Opened");
    assert_eq!((&json["p"], &json["proto"]), (&json!(443), &json!("tcp")));
}

/// As Zeek's reader takes escapes back.
fn unescaped(field: &str) -> String {
    let mut text = String::new();
    let mut letters = field.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            text.push(letter);
            continue;
        }
        match letters.next() {
            Some('x') => {
                let digits: String = letters.by_ref().take(2).collect();
                text.push(u8::from_str_radix(&digits, 16).unwrap().into());
            }
            other => text.extend(other),
        }
    }
    text
}

#[test]
fn ecs_has_what_security_needs() {
    let ecs = value(Format::Ecs, &event("x"));
    for field in [
        "/@timestamp",
        "/ecs/version",
        "/event/kind",
        "/event/category/0",
        "/event/type/0",
    ] {
        assert!(ecs.pointer(field).is_some_and(Value::is_string), "{field}");
    }
    assert_eq!(ecs["destination"]["geo"]["country_iso_code"], "RU");
    assert_eq!(ecs["destination"]["as"]["number"], 51_659);
    assert_eq!(ecs["network"]["direction"], "outbound");
    assert_eq!(ecs["event"]["duration"], 10_000_000_000_u64);
}

#[test]
fn ocsf_is_a_detection_finding() {
    let ocsf = value(Format::Ocsf, &event("x"));
    assert_eq!(ocsf["class_uid"], 2_004);
    assert_eq!(ocsf["type_uid"], 200_401);
    assert_eq!(
        (&ocsf["severity_id"], &ocsf["status_id"]),
        (&json!(4), &json!(1))
    );
    assert_eq!(ocsf["time"], 1_781_835_611_000_u64);
    // Required by the class and its objects.
    for field in [
        "/activity_id",
        "/category_uid",
        "/finding_info/uid",
        "/finding_info/title",
        "/metadata/version",
        "/metadata/product/name",
        "/evidences/0/connection_info/direction_id",
    ] {
        assert!(ocsf.pointer(field).is_some(), "{field}");
    }
}

#[test]
fn cef_can_be_parted_again() {
    for text in HOSTILE {
        let line = Format::Cef.line(&event(text), &origin()).unwrap();
        let (head, extension) = parted(&line);
        assert_eq!(head.len(), 7, "{line}");
        assert_eq!(
            (&*head[0], &*head[4], &*head[6]),
            ("CEF:0", "new_country", "8")
        );
        let values = extension_of(&extension);
        let get = |key: &str| {
            values
                .iter()
                .find(|(name, _)| name == key)
                .unwrap()
                .1
                .clone()
        };
        assert_eq!(get("cs3"), cleaned(text));
        assert_eq!(get("msg"), cleaned(text));
        assert_eq!(get("dpt"), "443");
        assert_eq!(get("out"), "521532");
    }
}

/// The seven fields of a head, and the extension.
fn parted(line: &str) -> (Vec<String>, String) {
    let (mut fields, mut field) = (Vec::new(), String::new());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => field.extend(letters.next()),
            '|' => fields.push(std::mem::take(&mut field)),
            letter => field.push(letter),
        }
        if fields.len() == 7 {
            break;
        }
    }
    (fields, letters.collect())
}

/// Keys and values: a key is the word before an equals sign that is not escaped.
fn extension_of(text: &str) -> Vec<(String, String)> {
    let mut signs = Vec::new();
    let mut is_escaped = false;
    for (place, letter) in text.char_indices() {
        if letter == '=' && !is_escaped {
            signs.push(place);
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    let key_start = |sign: usize| text[..sign].rfind(' ').map_or(0, |space| space + 1);
    let ends = signs.iter().skip(1).map(|sign| key_start(*sign) - 1);
    let ends = ends.chain([text.len()]);
    let pairs = signs.iter().zip(ends).map(|(sign, end)| {
        let value = &text[sign + 1..end];
        (text[key_start(*sign)..*sign].to_owned(), plain(value))
    });
    pairs.collect()
}

fn plain(value: &str) -> String {
    let mut text = String::new();
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => text.extend(letters.next()),
            letter => text.push(letter),
        }
    }
    text
}

#[test]
fn structured_data_can_be_parted_again() {
    for text in HOSTILE {
        let message = Format::Structured.syslog(&event(text), &origin()).unwrap();
        let data = message.strip_prefix("<131>1 2026-06-19T02:20:11Z sensor1 borderflow - open [");
        let (values, rest) = parameters(data.unwrap_or_else(|| panic!("{message}")));
        let get = |key: &str| &values.iter().find(|(name, _)| name == key).unwrap().1;
        assert_eq!(*get("asset"), cleaned(text));
        assert_eq!(get("dstPort"), "443");
        let text = cleaned(text);
        let mark = if text.is_ascii() { "" } else { "\u{feff}" };
        assert_eq!(rest, format!(" {mark}{text}"));
    }
    let framed = Format::Cef.syslog(&event("x"), &origin()).unwrap();
    assert!(framed.contains(" borderflow - open - CEF:0|"), "{framed}");
}

/// The parameters of the only element, and what stands behind it.
fn parameters(data: &str) -> (Vec<(String, String)>, &str) {
    let mut values = Vec::new();
    let mut rest = data.split_once(' ').unwrap().1;
    loop {
        let (name, quoted) = rest.split_once("=\"").unwrap();
        let mut value = String::new();
        let mut letters = quoted.char_indices();
        let end = loop {
            match letters.next().unwrap() {
                (_, '\\') => value.push(letters.next().unwrap().1),
                (place, '"') => break place,
                (_, ']') => panic!("a bracket that is not escaped: {quoted}"),
                (_, letter) => value.push(letter),
            }
        };
        values.push((name.to_owned(), value));
        let behind = &quoted[end + 1..];
        match behind.strip_prefix(' ') {
            Some(next) => rest = next,
            None => return (values, behind.strip_prefix(']').unwrap()),
        }
    }
}

fn posted(alerts: &mut Alertmanager, event: &str, severity: &str) -> Vec<(String, String)> {
    let mut line = alert_line("x");
    line["event"] = json!(event);
    line["severity"] = json!(severity);
    line["time"] = json!("2026-06-19T03:00:00Z");
    let event = Event::of_alert(&line).unwrap();
    let body: Value = serde_json::from_str(&alerts.body(&event, &origin()).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let posted = body.as_array().unwrap().iter();
    posted
        .map(|one| (text(&one["labels"]["severity"]), text(&one["endsAt"])))
        .collect()
}

#[test]
fn alertmanager_takes_back_what_has_another_severity_and_what_is_over() {
    let mut alerts = Alertmanager::default();
    let one = |severity: &str, until: &str| (severity.to_owned(), until.to_owned());
    let (now, week) = ("2026-06-19T03:00:00Z", "2026-06-26T03:00:00Z");
    assert_eq!(posted(&mut alerts, "open", "low"), [one("low", week)]);
    assert_eq!(posted(&mut alerts, "update", "low"), [one("low", week)]);
    let grown = posted(&mut alerts, "update", "high");
    assert_eq!(grown, [one("high", week), one("low", now)]);
    assert_eq!(posted(&mut alerts, "close", "high"), [one("high", now)]);
    // After a restart nobody knows what was told.
    let mut alerts = Alertmanager::default();
    assert_eq!(posted(&mut alerts, "update", "high").len(), 4);
    let heads = alerts.body(&head(), &origin());
    assert_eq!(heads, None);
}

#[test]
fn the_name_of_a_host_is_one_word_of_ascii() {
    for (host, shown) in [("a b\u{202e}c", "abc"), ("", "-"), ("\n", "-")] {
        assert_eq!(Origin::new(host).host, shown);
    }
    assert_eq!(Origin::new(&"x".repeat(999)).host.len(), 255);
}
