//! Feeds each check of its parent a string that it must refuse, and one that it must not.

use super::*;

fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

#[test]
fn order_of_modules() {
    let lib = "//! mod x;\npub mod decode;\nmod capture;\n";
    assert_eq!(declared_modules(lib), ["decode", "capture"]);
    assert_ne!(declared_modules(lib), LAYERS);
}

#[test]
fn imports_against_the_flow() {
    for bad in [
        "use crate::pipeline::Run;",
        "use crate::{time::Tick, flow::{Flow, Key}};",
        "use crate::{\n    time::Tick,\n    sink,\n};",
        "use super::super::alert;",
        "use super::super::{time, alert::Alert};",
        "let run = crate::cli::run();",
        "#[cfg(test)]\nfn helper() {}\nuse crate::flow::Flow;",
        "#[cfg(test)]\nmod tests;\nuse crate::flow::Flow;",
        "use crate::{self as everything};",
        "use crate::Unlisted;",
    ] {
        assert_eq!(
            source("src/decode/packet.rs", bad).layer_errors().len(),
            1,
            "{bad}"
        );
    }
    assert_eq!(
        source("src/decode/mod.rs", "use super::flow;")
            .layer_errors()
            .len(),
        1
    );
    assert_eq!(
        source("src/decode.rs", "use super::flow;")
            .layer_errors()
            .len(),
        1
    );
    assert_eq!(source("src/stray/mod.rs", "").layer_errors().len(), 1);
}

#[test]
fn imports_with_the_flow_pass() {
    for good in [
        "use crate::{time::{Tick, Timestamp}, capture::Frame};",
        "use super::{Packet, flow};",
        "pub(crate) use crate::decode::Reason;",
        "/// Unlike [`crate::flow`], this is pure.\nfn pure() {} // crate::alert",
        "fn code() {}\n#[cfg(test)]\nmod tests {\n    use crate::simulate::Site;\n}",
    ] {
        assert_clean(source("src/decode/packet.rs", good).layer_errors());
    }
    assert_clean(source("src/decode/tests.rs", "use crate::simulate::Site;").layer_errors());
    assert_clean(source("src/main.rs", "use borderflow::cli;").layer_errors());
}

#[test]
fn size() {
    let long = "code();\n".repeat(FILE_LINES_MAX + 1);
    assert_eq!(source("src/flow/table.rs", &long).size_errors().len(), 1);
    let tests = format!("code();\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
    assert_clean(source("src/flow/table.rs", &tests).size_errors());
    let hidden = format!("#[cfg(test)]\nfn helper() {{}}\n{long}");
    assert_eq!(source("src/flow/table.rs", &hidden).size_errors().len(), 1);
}

#[test]
fn columns() {
    let wide = format!("short\n{}\n", "é".repeat(COLUMNS_MAX + 1));
    assert_eq!(source("src/a.rs", &wide).column_errors().len(), 1);
    assert_clean(source("src/a.rs", &"é".repeat(COLUMNS_MAX)).column_errors());
}

#[test]
fn files_that_are_not_compiled() {
    let sources = [
        source("src/lib.rs", "pub mod flow;\n// mod stray;\n"),
        source("src/flow/mod.rs", "pub(crate) mod table;\n"),
        source("src/flow/table.rs", ""),
        source("src/flow/dead.rs", ""),
        source("src/stray/mod.rs", ""),
    ];
    let errors = undeclared_files(&sources);
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].contains("dead.rs") && errors[1].contains("stray"));
}

#[test]
fn clock() {
    for bad in [
        "use std::time::Instant;",
        "f(SystemTime::now())",
        "jiff::Timestamp::now()",
    ] {
        assert_eq!(
            source("src/flow/table.rs", bad).clock_errors().len(),
            1,
            "{bad}"
        );
        assert_eq!(
            source("src/capture/file.rs", bad).clock_errors().len(),
            1,
            "{bad}"
        );
        assert_clean(source("src/capture/live.rs", bad).clock_errors());
        assert_clean(source("src/pipeline/mod.rs", bad).clock_errors());
    }
    let harmless = "let InstantNoodles = now; // not Instant";
    assert_clean(source("src/flow/table.rs", harmless).clock_errors());
}

#[test]
fn unchecked_code() {
    let bad = concat!("let x = un", "safe { *pointer };");
    for path in [
        "src/flow/table.rs",
        "src/capture/ring.rs",
        "src/capture/ring/fanout.rs",
    ] {
        assert_eq!(source(path, bad).unchecked_errors().len(), 1, "{path}");
    }
    assert_clean(source("src/capture/ring/memory.rs", bad).unchecked_errors());
    let lint = concat!("#![forbid(un", "safe_code)]");
    assert_clean(source("src/lib.rs", lint).unchecked_errors());
}

#[test]
fn markers() {
    for bad in [
        concat!("// TO", "DO: later"),
        concat!("# FIX", "ME"),
        concat!("XX", "X"),
        concat!("dbg", "!(x)"),
        concat!("unimple", "mented!()"),
        concat!("to", "do!()"),
    ] {
        assert_eq!(source("docs/a.md", bad).marker_errors().len(), 1, "{bad}");
    }
    assert_clean(source("scripts/a.sh", "mktemp out.XXXXXX").marker_errors());
}

#[test]
fn machine_paths() {
    let bad = "const MODEL: &str = \"/home/me/model\";";
    assert_eq!(source("src/geo/mod.rs", bad).machine_path_errors().len(), 1);
    assert_clean(source("src/geo/mod.rs", "models/geo").machine_path_errors());
}

#[test]
fn architecture() {
    assert_eq!(
        undescribed_modules("only `time` and decode").len(),
        LAYERS.len() - 1
    );
}

#[test]
fn listing() {
    let listing = "| file | what |\n|---|---|\n| `a.pcap` | x |\n| `gone.pcap` | y |\n";
    let files = ["a.pcap".to_owned(), "sub/b.pcap".to_owned()];
    let errors = listing_errors(listing, &files);
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].contains("sub/b.pcap") && errors[1].contains("gone.pcap"));
}
