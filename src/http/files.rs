//! The files of the console, which are part of the program.
//!
//! A browser is given one page with all styles and scripts in it, so that a first view takes one
//! request and those for what it shows. It is put together, and packed, when it is first asked for.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{LazyLock, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG, HeaderMap,
    HeaderValue, IF_NONE_MATCH, VARY,
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
    "en-sensor.js",
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
    "numbers.js",
    "overview.js",
    "parts.css",
    "parts.js",
    "prefer.js",
    "sensor.js",
    "times.js",
    "tokens.css",
    "views.css",
    "world.json",
    "zh-sensor.js",
    "zh.js",
];

/// A file as it is sent.
#[derive(Debug)]
struct Sent {
    bytes: Bytes,
    /// The same packed (RFC 1952), once somebody has asked for it so.
    packed: OnceLock<Option<Bytes>>,
    tag: String,
    /// Whether its name changes with it.
    is_named_by_content: bool,
}

/// The page with all that it runs.
#[derive(Debug)]
struct Whole {
    page: Sent,
    /// The map, and its name below `/console/`.
    map: (String, Sent),
    icon: Sent,
    policy: String,
}

/// The page, put together when it is first asked for: a sensor that nobody looks at pays nothing.
static WHOLE: LazyLock<Whole> = LazyLock::new(|| {
    let places = places();
    let modules = modules(&places);
    let styles: String = STYLES.iter().map(|name| text(name)).collect();
    let map = Sent::new(text(MAP).into(), true);
    let digest = map.tag.trim_matches('"').get(..NAME_DIGITS);
    let name = format!("world-{}.json", digest.unwrap_or_default());
    let parts = [text(PREFER), &styles, &script(&modules, FIRST)];
    let page = page(text(PAGE), parts, &name);
    Whole {
        page: Sent::new(page.into(), false),
        map: (name, map),
        icon: Sent::new(text(ICON).into(), false),
        policy: policy(parts),
    }
});

/// The modules of the page's script, each with its name.
fn modules(places: &str) -> BTreeMap<&str, &str> {
    let names = FILES.iter().map(|(name, _)| *name);
    let names = names.filter(|name| name.ends_with(".js") && *name != PREFER);
    let files = names.map(|name| (name, text(name)));
    files.chain([("places.js", places)]).collect()
}

/// The names of countries that reports have, as a module.
fn places() -> String {
    let table = include_str!("../report/places.txt");
    format!("export const PLACES = {};\n", serde_json::json!(table))
}

/// A file of the console as text.
fn text(name: &str) -> &'static str {
    let file = FILES.iter().find(|(known, _)| *known == name);
    file.map_or("", |(_, bytes)| {
        std::str::from_utf8(bytes).unwrap_or_default()
    })
}

/// The page, the module that starts it, what runs before it, the map, and the sign of the page.
const PAGE: &str = "index.html";
const FIRST: &str = "app.js";
const PREFER: &str = "prefer.js";
const MAP: &str = "world.json";
const ICON: &str = "icon.svg";

/// Sheets of styles, in their order.
const STYLES: [&str; 4] = ["tokens.css", "base.css", "parts.css", "views.css"];

/// Digits of a hash that a name has.
const NAME_DIGITS: usize = 12;

/// The page with its styles and scripts in it. What it will ask for first is asked for by the
/// script at its head, while the rest of it is still read.
fn page(source: &str, [prefer, styles, console]: [&str; 3], map: &str) -> String {
    let is_part = |line: &&str| {
        line.contains("rel=\"modulepreload\"")
            || line.contains("rel=\"stylesheet\"")
            || line.contains("<script")
    };
    let head = format!("<script>{prefer}</script>\n<style>{styles}</style>\n</head>");
    let body = format!("<script>{console}</script>\n</body>");
    let lines = source.lines().filter(|line| !is_part(line));
    let page = lines.fold(String::new(), |page, line| page + line + "\n");
    let page = page.replace("<html", &format!("<html data-map=\"console/{map}\""));
    page.replace("</head>", &head).replace("</body>", &body)
}

/// What the page may do (Content Security Policy level 3): it runs these two scripts, known by
/// their hashes, and no other, not even a file of this port.
fn policy(parts: [&str; 3]) -> String {
    let hash = |part: &str| BASE64.encode(Sha256::digest(part.as_bytes()));
    let [prefer, styles, console] = parts.map(hash);
    format!(
        "default-src 'none'; script-src 'sha256-{prefer}' 'sha256-{console}'; \
         style-src 'sha256-{styles}'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    )
}

impl Sent {
    fn new(bytes: Bytes, is_named_by_content: bool) -> Self {
        let digest = Sha256::digest(&bytes);
        let digest = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
        Self {
            tag: format!("\"{}\"", digest.collect::<String>()),
            packed: OnceLock::new(),
            bytes,
            is_named_by_content,
        }
    }

    /// It packed, where that is smaller.
    fn packed(&self) -> Option<&Bytes> {
        let packed = self
            .packed
            .get_or_init(|| packed(&self.bytes).filter(|packed| packed.len() < self.bytes.len()));
        packed.as_ref()
    }
}

fn packed(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Answers with a file: `/` is the page, what it asks for is below `/console/`.
pub(super) fn answer(path: &str, headers: &HeaderMap) -> Result<Response<Body>, Refusal> {
    let whole = &*WHOLE;
    let (map, _) = &whole.map;
    let (name, sent) = match path.strip_prefix("/console/") {
        None if path == "/" => (PAGE, &whole.page),
        Some(name) if name == map => (MAP, &whole.map.1),
        Some(ICON) => (ICON, &whole.icon),
        _ => {
            let why = "there are /, /api/v1/status, /metrics, /healthz and /readyz";
            return Err(Refusal::not_found(why));
        }
    };
    let has = |header, wanted: &dyn Fn(&str) -> bool| {
        let text = headers
            .get(header)
            .and_then(|value: &HeaderValue| value.to_str().ok());
        text.is_some_and(|text| text.split(',').any(|one| wanted(one.trim())))
    };
    // A weight of 0 would mean that it is not wanted; nobody sends one.
    let takes_packed = has(ACCEPT_ENCODING, &|one| {
        one.split(';').next() == Some("gzip")
    });
    let is_known = has(IF_NONE_MATCH, &|one| one == sent.tag);
    let packed = sent.packed().filter(|_| takes_packed && !is_known);
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
    if let (PAGE, Ok(policy)) = (name, HeaderValue::from_str(&whole.policy)) {
        answered.insert(CONTENT_SECURITY_POLICY, policy);
    }
    answered.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if packed.is_some() {
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

    /// What stands in the page between the n-th `<script>`, or `<style>`, and its end.
    fn part<'a>(page: &'a str, kind: &str, at: usize) -> &'a str {
        let rest = page.split(&format!("<{kind}>")).nth(at + 1).unwrap();
        rest.split(&format!("</{kind}>")).next().unwrap()
    }

    fn whole_page() -> &'static str {
        std::str::from_utf8(&WHOLE.page.bytes).unwrap()
    }

    #[test]
    fn modules_have_no_form_that_the_script_has_not() {
        let script = part(whole_page(), "script", 1);
        for line in script.lines() {
            let is_left = line.starts_with("import ") || line.starts_with("export ");
            assert!(!is_left && !line.contains("import("), "{line}");
            assert!(!line.contains("/*") && !line.contains("*/"), "{line}");
        }
        // What ends a comment ends its line: code behind it would stay behind with it.
        for (file, bytes) in FILES {
            for line in String::from_utf8_lossy(bytes).lines() {
                let is_script = file.ends_with(".js");
                let ends = line.trim_end().ends_with("*/");
                assert!(!is_script || ends || !line.contains("*/"), "{file}: {line}");
            }
        }
        let exports: BTreeMap<_, _> = script
            .split("modules[\"")
            .filter_map(|part| part.split_once("\"] = (() => {\n"))
            .collect();
        let places = places();
        let modules = modules(&places);
        assert_eq!(exports.len(), modules.len());
        for line in script.lines().filter(|line| line.contains("} = modules[")) {
            let (names, file) = line.split_once(" } = modules[\"").unwrap();
            let file = file.trim_end_matches("\"];");
            let source = modules[file];
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
    fn the_page_runs_what_it_has_in_it_and_nothing_else() {
        let page = whole_page();
        for (kind, count) in [("script", 2), ("style", 1)] {
            let opened = page.matches(&format!("<{kind}")).count();
            let closed = page.matches(&format!("</{kind}")).count();
            assert_eq!((opened, closed), (count, count), "a text ends its {kind}");
        }
        assert!(
            !page.contains("<!--"),
            "a script could not be told from a remark"
        );
        let response = answer("/", &HeaderMap::new()).unwrap();
        let policy = response.headers()[CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        let parts = [("script", 0), ("script", 1), ("style", 0)];
        for (kind, at) in parts {
            let hash = BASE64.encode(Sha256::digest(part(page, kind, at)));
            assert!(policy.contains(&format!("'sha256-{hash}'")), "{kind} {at}");
        }
        assert_eq!(policy.matches("sha256").count(), parts.len());
        assert!(!policy.contains("script-src 'self'"), "{policy}");
    }

    #[test]
    fn what_the_page_asks_for_is_there_and_kept() {
        let asked = whole_page().split('"');
        let asked = asked.filter_map(|part| part.strip_prefix("console/"));
        let asked: std::collections::BTreeSet<_> = asked.filter(|name| name.len() > 1).collect();
        assert_eq!(asked.len(), 3, "{asked:?}");
        for name in asked.into_iter().filter(|name| *name != MAP) {
            let response = answer(&format!("/console/{name}"), &HeaderMap::new()).unwrap();
            let caching = response.headers()[CACHE_CONTROL].to_str().unwrap();
            assert_eq!(caching.contains("immutable"), name != ICON, "{name}");
        }
    }

    #[test]
    fn what_is_packed_is_what_it_was() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("br, gzip;q=0.8"));
        let map = format!("/console/{}", WHOLE.map.0);
        for (path, sent) in [("/", &WHOLE.page), (&map, &WHOLE.map.1)] {
            let response = answer(path, &headers).unwrap();
            assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
            let packed = sent.packed().unwrap();
            let mut plain = Vec::new();
            std::io::copy(&mut flate2::read::GzDecoder::new(&packed[..]), &mut plain).unwrap();
            assert_eq!(plain, sent.bytes);
            assert!(packed.len() < plain.len() / 2);
            let plain = answer(path, &HeaderMap::new()).unwrap();
            assert!(!plain.headers().contains_key(CONTENT_ENCODING));
        }
    }

    #[test]
    fn a_file_is_sent_once() {
        let map = format!("/console/{}", WHOLE.map.0);
        for path in ["/", &map, "/console/icon.svg"] {
            let response = answer(path, &HeaderMap::new()).unwrap();
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, response.headers()[ETAG].clone());
            assert_eq!(answer(path, &headers).unwrap().status(), 304, "{path}");
        }
        assert!(answer("/console/../mod.rs", &HeaderMap::new()).is_err());
        assert!(answer("/console/app.js", &HeaderMap::new()).is_err());
    }
}
