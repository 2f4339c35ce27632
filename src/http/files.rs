//! The files of the console, which are part of the program.
//!
//! A browser is given one script and one sheet of styles that are made of them, under names that
//! change with what is in them, so that it need not ask for them again. All of it is packed once.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH,
    VARY,
};
use hyper::{Response, StatusCode};
use sha2::{Digest, Sha256};

use super::bundle::script;
use super::route::{Body, Refusal, full};

/// Files of `src/http/console`, each by its path there.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("console/", $name)).as_slice())),*]
    };
}

/// All files of the console; a test holds the list against the folder.
const FILES: &[(&str, &[u8])] = files![
    "api.js",
    "app.js",
    "approvals.js",
    "asset.js",
    "assets.js",
    "base.css",
    "chart.js",
    "dom.js",
    "en.js",
    "feedback.js",
    "format.js",
    "health.js",
    "i18n.js",
    "icon.svg",
    "incident.js",
    "incidents.js",
    "index.html",
    "jurisdiction.js",
    "jurisdictions.js",
    "live.js",
    "map.js",
    "overview.js",
    "parts.css",
    "parts.js",
    "prefer.js",
    "sensor.js",
    "tokens.css",
    "views.css",
    "world.json",
    "zh.js",
];

/// A file as it is sent.
#[derive(Debug)]
struct Sent {
    bytes: Bytes,
    /// The same packed (RFC 1952), where that is smaller.
    packed: Option<Bytes>,
    tag: String,
    /// Whether its name changes with it.
    is_named_by_content: bool,
}

/// Everything that is sent, by its name below `/console/`.
static SENT: LazyLock<BTreeMap<String, Sent>> = LazyLock::new(|| {
    let text = |name: &str| {
        let file = FILES.iter().find(|(known, _)| *known == name);
        file.map_or("", |(_, bytes)| {
            std::str::from_utf8(bytes).unwrap_or_default()
        })
    };
    let modules = FILES.iter().map(|(name, _)| *name);
    let modules = modules.filter(|name| name.ends_with(".js") && *name != PREFER);
    let modules: BTreeMap<_, _> = modules.map(|name| (name, text(name))).collect();
    let styles: String = STYLES.iter().map(|name| text(name)).collect();
    let parts = [
        ("console", "js", script(&modules, FIRST)),
        ("console", "css", styles),
        ("prefer", "js", text(PREFER).to_owned()),
        ("world", "json", text(MAP).to_owned()),
    ];
    let parts = parts.map(|(name, end, text)| {
        let sent = Sent::new(text.into(), true);
        let digest = sent.tag.trim_matches('"').get(..NAME_DIGITS);
        (format!("{name}-{}.{end}", digest.unwrap_or_default()), sent)
    });
    let names = parts.each_ref().map(|(name, _)| name.clone());
    let files = FILES.iter().map(|(name, bytes)| match *name {
        PAGE => (
            (*name).to_owned(),
            Sent::new(page(text(name), &names).into(), false),
        ),
        name => (name.to_owned(), Sent::new(Bytes::from_static(bytes), false)),
    });
    files.chain(parts).collect()
});

/// Puts together what is sent, so that the first who asks need not wait for it.
pub(super) fn prepare() {
    LazyLock::force(&SENT);
}

/// The page, the module that starts it, what runs before it, and the map.
const PAGE: &str = "index.html";
const FIRST: &str = "app.js";
const PREFER: &str = "prefer.js";
const MAP: &str = "world.json";

/// Sheets of styles, in their order.
const STYLES: [&str; 4] = ["tokens.css", "base.css", "parts.css", "views.css"];

/// Digits of a hash that a name has.
const NAME_DIGITS: usize = 12;

/// The page, which asks for what was put together and not for its parts, and which says at its
/// head what will be asked for first.
fn page(source: &str, [console, styles, prefer, map]: &[String; 4]) -> String {
    let is_part = |line: &&str| {
        line.contains("rel=\"modulepreload\"")
            || line.contains("rel=\"stylesheet\"")
            || line.contains("<script")
    };
    let ahead = format!(
        "<script src=\"console/{prefer}\"></script>\n\
         <link rel=\"stylesheet\" href=\"console/{styles}\">\n\
         <link rel=\"modulepreload\" href=\"console/{console}\">\n\
         <link rel=\"preload\" href=\"api/v1/status\" as=\"fetch\" crossorigin>\n\
         <link rel=\"preload\" href=\"console/{map}\" as=\"fetch\" crossorigin>\n</head>"
    );
    let script = format!("<script type=\"module\" src=\"console/{console}\"></script>\n</body>");
    let lines = source.lines().filter(|line| !is_part(line));
    let page = lines.fold(String::new(), |page, line| page + line + "\n");
    let page = page.replace("<html", &format!("<html data-map=\"console/{map}\""));
    page.replace("</head>", &ahead).replace("</body>", &script)
}

impl Sent {
    fn new(bytes: Bytes, is_named_by_content: bool) -> Self {
        let digest = Sha256::digest(&bytes);
        let digest = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
        Self {
            tag: format!("\"{}\"", digest.collect::<String>()),
            packed: packed(&bytes)
                .filter(|packed| is_named_by_content && packed.len() < bytes.len()),
            bytes,
            is_named_by_content,
        }
    }
}

fn packed(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Answers with a file: `/` is `index.html`, all others are below `/console/`.
pub(super) fn answer(path: &str, headers: &HeaderMap) -> Result<Response<Body>, Refusal> {
    let name = match path {
        "/" => Some(PAGE),
        path => path.strip_prefix("/console/"),
    };
    let file = name.and_then(|name| SENT.get_key_value(name));
    let (name, sent) = file.ok_or_else(|| {
        Refusal::not_found("there are /, /api/v1/status, /metrics, /healthz and /readyz")
    })?;
    let has = |header, wanted: &dyn Fn(&str) -> bool| {
        let text = headers
            .get(header)
            .and_then(|value: &HeaderValue| value.to_str().ok());
        text.is_some_and(|text| text.split(',').any(|one| wanted(one.trim())))
    };
    let is_known = has(IF_NONE_MATCH, &|one| one == sent.tag);
    // A weight of 0 would mean that it is not wanted; nobody sends one.
    let is_packed = has(ACCEPT_ENCODING, &|one| {
        one.split(';').next() == Some("gzip")
    });
    let packed = sent.packed.as_ref().filter(|_| is_packed);
    let mut response = match is_known {
        true => full(StatusCode::NOT_MODIFIED, kind(name), Bytes::new()),
        false => full(
            StatusCode::OK,
            kind(name),
            packed.unwrap_or(&sent.bytes).clone(),
        ),
    };
    let answered = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&sent.tag) {
        answered.insert(ETAG, tag);
    }
    answered.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if packed.is_some() && !is_known {
        answered.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    // What keeps its name is asked for again, and mostly has not changed.
    let caching = match sent.is_named_by_content {
        true => "private, max-age=31536000, immutable",
        false => "no-cache",
    };
    answered.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    Ok(response)
}

/// What a file is, by the end of its name.
fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json; charset=utf-8",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/console");
        let mut there: Vec<_> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        there.sort_unstable();
        let served: Vec<_> = FILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(served, there, "FILES and the folder differ");
        for (name, _) in FILES {
            assert_ne!(kind(name), "application/octet-stream", "{name}");
        }
    }

    #[test]
    fn modules_have_no_form_that_the_script_has_not() {
        let (_, sent) = SENT
            .iter()
            .find(|(name, _)| name.starts_with("console-") && name.ends_with(".js"))
            .unwrap();
        let script = std::str::from_utf8(&sent.bytes).unwrap();
        for line in script.lines() {
            let is_left = line.starts_with("import ") || line.starts_with("export ");
            assert!(!is_left && !line.contains("import("), "{line}");
        }
        let exports: BTreeMap<_, _> = script
            .split("modules[\"")
            .filter_map(|part| part.split_once("\"] = (() => {\n"))
            .collect();
        assert_eq!(
            exports.len(),
            FILES
                .iter()
                .filter(|(name, _)| name.ends_with(".js"))
                .count()
                - 1
        );
        for line in script.lines().filter(|line| line.contains("} = modules[")) {
            let (names, file) = line.split_once(" } = modules[\"").unwrap();
            let file = file.trim_end_matches("\"];");
            let source = FILES.iter().find(|(name, _)| *name == file).unwrap().1;
            let source = std::str::from_utf8(source).unwrap();
            for name in names.trim_start_matches("const { ").split(", ") {
                let forms = ["const", "function", "async function", "class"];
                let is_there = forms.iter().any(|form| {
                    let found = source.split(&format!("export {form} {name}")).nth(1);
                    found.is_some_and(|rest| rest.starts_with([' ', '(']))
                });
                assert!(is_there, "{file} does not export {name}: {line}");
            }
        }
    }

    #[test]
    fn the_page_asks_for_little_and_never_twice() {
        let page = std::str::from_utf8(&SENT[PAGE].bytes).unwrap();
        let asked = page
            .split(['"'])
            .filter_map(|part| part.strip_prefix("console/"));
        let asked: std::collections::BTreeSet<_> = asked.collect();
        assert_eq!(asked.len(), 5, "{asked:?}");
        for name in asked {
            let response = answer(&format!("/console/{name}"), &HeaderMap::new()).unwrap();
            let caching = response.headers()[CACHE_CONTROL].to_str().unwrap();
            assert_eq!(caching.contains("immutable"), name != "icon.svg", "{name}");
        }
    }

    #[test]
    fn what_is_packed_is_what_it_was() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("br, gzip;q=0.8"));
        let (name, sent) = SENT
            .iter()
            .find(|(name, _)| name.starts_with("world-"))
            .unwrap();
        let path = format!("/console/{name}");
        let response = answer(&path, &headers).unwrap();
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        let packed = sent.packed.clone().unwrap();
        let mut plain = Vec::new();
        std::io::copy(&mut flate2::read::GzDecoder::new(&packed[..]), &mut plain).unwrap();
        assert_eq!(plain, sent.bytes);
        assert!(packed.len() < plain.len() / 2);
        let plain = answer(&path, &HeaderMap::new()).unwrap();
        assert!(!plain.headers().contains_key(CONTENT_ENCODING));
    }

    #[test]
    fn a_file_is_sent_once() {
        for (name, _) in FILES {
            let path = format!("/console/{name}");
            let response = answer(&path, &HeaderMap::new()).unwrap();
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, response.headers()[ETAG].clone());
            assert_eq!(answer(&path, &headers).unwrap().status(), 304, "{name}");
        }
        assert!(answer("/console/../mod.rs", &HeaderMap::new()).is_err());
    }
}
