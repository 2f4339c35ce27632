//! What goes on, as it goes on: server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::channel::Sender;
use http_body_util::{Channel, Either};
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;
use tokio::sync::Semaphore;

use super::route::{Body, Refusal, Site};
use super::server::Busy;

/// Clients that look on at once.
const STREAMS_MAX: usize = 16;

/// Pieces that wait for a slow client.
const PIECES_WAITING_MAX: usize = 4;

/// A client that takes nothing for so long is dropped.
const SLOW: Duration = Duration::from_secs(8);

/// How often it is looked for what is new.
const LOOK: Duration = Duration::from_millis(250);

/// After how many looks comes what, if it has changed: a tick, health, a sign of life.
const LOOKS_PER_TICK: u64 = 4;
const LOOKS_PER_HEALTH: u64 = 40;
const LOOKS_PER_COMMENT: u64 = 20;

/// Places for those that look on.
pub(super) fn streams() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(STREAMS_MAX))
}

/// Begins to tell what goes on.
pub(super) fn open(site: &Arc<Site>, busy: Busy) -> Result<Response<Body>, Refusal> {
    let place = Arc::clone(&site.streams).try_acquire_owned().map_err(|_| {
        let why = format!("{STREAMS_MAX} clients look on already");
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why)
    })?;
    let (sender, channel) = Channel::new(PIECES_WAITING_MAX);
    let site = Arc::clone(site);
    tokio::spawn(async move {
        let _place = place;
        tell(&site, sender, &busy).await;
    });
    let mut response = Response::new(Either::Right(channel));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Tells until the client goes or is too slow.
async fn tell(site: &Site, mut sender: Sender<Bytes, Infallible>, busy: &Busy) {
    let feed = site.telemetry.feed();
    let mut next = feed.next();
    let mut told = String::new();
    for look in 0u64.. {
        let (lines, behind) = feed.since(next);
        next = behind;
        let mut text = String::new();
        for line in lines {
            event(&mut text, "alert", &line);
        }
        if look.is_multiple_of(LOOKS_PER_TICK) {
            let totals = site.telemetry.totals();
            let tick = json!({
                "now": site.telemetry.times().map(|[now, _]| now.to_string()),
                "export_bytes": totals.export_bytes,
                "incidents_open": totals.incidents_open,
            });
            let tick = tick.to_string();
            if tick != told {
                event(&mut text, "tick", &tick);
                told = tick;
            }
        }
        if look.is_multiple_of(LOOKS_PER_HEALTH) {
            event(&mut text, "health", &site.telemetry.health().to_string());
        }
        if text.is_empty() && look.is_multiple_of(LOOKS_PER_COMMENT) {
            text.push_str(":\n\n");
        }
        if !text.is_empty() {
            let sent = sender.send_data(Bytes::from(text));
            match tokio::time::timeout(SLOW, sent).await {
                Ok(Ok(())) => busy.go_on(),
                // It has gone, or its connection ends with its time.
                Ok(Err(_)) | Err(_) => return,
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Adds an event, whose data is JSON and so has no line feed of its own.
fn event(text: &mut String, name: &str, data: &str) {
    for piece in ["event: ", name, "\ndata: ", data, "\n\n"] {
        text.push_str(piece);
    }
}
