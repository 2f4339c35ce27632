//! The files of the console, which are part of the program.

use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use hyper::{Response, StatusCode};
use sha2::{Digest, Sha256};

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

/// Answers with a file: `/` is `index.html`, all others are below `/console/`.
pub(super) fn answer(path: &str, headers: &HeaderMap) -> Result<Response<Body>, Refusal> {
    let name = match path {
        "/" => Some("index.html"),
        path => path.strip_prefix("/console/"),
    };
    let file = FILES.iter().find(|(known, _)| Some(*known) == name);
    let (name, bytes) = file.ok_or_else(|| {
        Refusal::not_found("there are /, /api/v1/status, /metrics, /healthz and /readyz")
    })?;
    let digest = Sha256::digest(bytes);
    let digest = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
    let tag = format!("\"{}\"", digest.collect::<String>());
    let known = headers
        .get(IF_NONE_MATCH)
        .and_then(|known| known.to_str().ok());
    let is_known = known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
    let mut response = match is_known {
        true => full(StatusCode::NOT_MODIFIED, kind(name), Bytes::new()),
        false => full(StatusCode::OK, kind(name), Bytes::from_static(bytes)),
    };
    let answered = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        answered.insert(ETAG, tag);
    }
    // It is asked for again, and mostly has not changed.
    answered.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
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
