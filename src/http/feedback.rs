//! What people say of incidents, by the console: into the log that `borderflow feedback` writes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::decoded;
use super::query::NO_HISTORY;
use super::route::{Body, Refusal, Site, json_answer};
use crate::alert::{Act, Feedback, KnownIncident, NOTE_LETTERS_MAX, Verdict};
use crate::detect::Bytes;
use crate::pipeline::{FeedbackLog, accepted_until, saved_incident};
use crate::time::Tick;

/// The largest body that is read, in bytes.
const BODY_BYTES_MAX: usize = 4_096;

/// A body must have come within this time.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Lines that are told of an incident.
const LINES_MAX: usize = 100;

/// Who says it, where it is said by the console.
const BY: &str = "console";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    verdict: Verdict,
    note: Option<String>,
}

impl Site {
    /// Whether anybody may say something.
    pub(super) const fn takes_feedback(&self) -> bool {
        self.token.is_some() && self.state.is_some()
    }
}

/// Takes what somebody says of an incident.
pub(super) async fn take(
    site: &Site,
    request: Request<Incoming>,
    path: &str,
) -> Result<Response<Body>, Refusal> {
    let (Some(token), Some(state)) = (&site.token, &site.state) else {
        let why = "feedback by the console is off: set http.feedback_token_file and state.dir, or \
                   use `borderflow feedback`";
        return Err(Refusal::new(StatusCode::FORBIDDEN, why));
    };
    if !token.is_shown(request.headers()) {
        let why = "the token of http.feedback_token_file is asked for, as Authorization: Bearer";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, why));
    }
    let name = path.strip_prefix("/api/v1/incidents/");
    let name = name.and_then(|rest| rest.strip_suffix("/feedback"));
    let name = decoded(name.unwrap_or_default())?;
    let said = read(request).await?;
    let queries = site.queries.as_ref();
    let queries =
        queries.ok_or_else(|| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, NO_HISTORY))?;
    let wanted = name.clone();
    let found = queries.ask(move |reader| reader.incident(&wanted)).await?;
    let known = found.and_then(|found| found.known);
    let known = known.ok_or_else(|| Refusal::not_found("there is no such incident"))?;
    let folder = state.clone();
    let written = tokio::task::spawn_blocking(move || write(&folder, known, said));
    let failed = |why: String| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, why);
    let (number, text) = written
        .await
        .map_err(|error| failed(error.to_string()))?
        .map_err(|_| failed("the log of feedback cannot be written".to_owned()))?;
    let answer = json!({ "number": number, "text": text });
    Ok(json_answer(StatusCode::OK, &answer))
}

async fn read(request: Request<Incoming>) -> Result<Said, Refusal> {
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
    let body = tokio::time::timeout(BODY_TIMEOUT, body).await;
    let body = body.map_err(|_| {
        let why = "the body did not come";
        Refusal::new(StatusCode::REQUEST_TIMEOUT, why)
    })?;
    let body = body.map_err(|_| {
        let why = format!("a body of more than {BODY_BYTES_MAX} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, why)
    })?;
    let bad = |why: String| Refusal::new(StatusCode::BAD_REQUEST, why);
    let said: Said = serde_json::from_slice(&body.to_bytes()).map_err(|error| {
        bad(format!(
            "{{\"verdict\": \"benign-once\", \"expected\" or \"malicious\"}} is asked for: {error}"
        ))
    })?;
    let note = said.note.as_deref().unwrap_or_default();
    if note.chars().count() > NOTE_LETTERS_MAX {
        return Err(bad(format!("note: at most {NOTE_LETTERS_MAX} letters")));
    }
    Ok(said)
}

/// Writes a line, and says what it means. What the sensor has saved of the incident may reach
/// further than its last line.
fn write(
    state: &Path,
    (known, last): (KnownIncident, Tick),
    said: Said,
) -> Result<(u64, String), crate::store::StoreError> {
    let saved = saved_incident(state, &known.name)
        .ok()
        .and_then(|(saved, _)| saved);
    let (known, now) = match saved {
        Some(saved) => (saved.incident, saved.tick.max(last)),
        None => (known, last),
    };
    let until = accepted_until(said.verdict, now);
    let by = (BY.to_owned(), said.note);
    let entry = FeedbackLog::in_folder(state).give(&known, said.verdict, until, by)?;
    let what = format!("what {} sends to {}", known.asset, known.country);
    let means = match &entry.act {
        Act::Give(given) => match &given.accepted {
            Some(accepted) => format!(
                "{what} is accepted up to {} an hour and {} a day until {}",
                Bytes(accepted.hour_bytes),
                Bytes(accepted.day_bytes),
                accepted.until
            ),
            None => format!("{what} never becomes normal"),
        },
        Act::Undo(_) => what,
    };
    let text = format!("From the end of the sensor's running hour on, {means}.");
    Ok((entry.number, text))
}

/// The log, as it was read last.
pub(super) struct Log {
    path: PathBuf,
    folder: PathBuf,
    read: Arc<Mutex<Option<Read>>>,
}

/// Which file was read, and what it says.
type Read = ((u64, Option<SystemTime>), Arc<Feedback>);

/// A line of the log for the console.
#[derive(Serialize)]
pub(super) struct Line {
    verdict: Verdict,
    time: String,
    note: Option<String>,
}

impl Log {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            path: folder.join("feedback.jsonl"),
            folder: folder.to_owned(),
            read: Arc::default(),
        }
    }

    /// What stands of an incident, the oldest first.
    pub(super) async fn of(&self, incident: String) -> Result<Vec<Line>, Refusal> {
        let (path, folder, read) = (
            self.path.clone(),
            self.folder.clone(),
            Arc::clone(&self.read),
        );
        let lines = tokio::task::spawn_blocking(move || {
            let feedback = feedback(&path, &folder, &read)?;
            let entries = feedback.entries().iter().rev();
            let of_incident = entries.filter_map(|entry| match &entry.act {
                Act::Give(given) if given.incident == incident => {
                    feedback.stands(entry.number).then(|| Line {
                        verdict: given.verdict,
                        time: entry.time.clone(),
                        note: entry.note.clone(),
                    })
                }
                _ => None,
            });
            let mut lines: Vec<_> = of_incident.take(LINES_MAX).collect();
            lines.reverse();
            Some(lines)
        });
        let lines = lines.await.ok().flatten();
        lines.ok_or_else(|| {
            let why = "the log of feedback cannot be read";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why)
        })
    }
}

/// The log, read again where it has changed.
fn feedback(path: &Path, folder: &Path, read: &Mutex<Option<Read>>) -> Option<Arc<Feedback>> {
    let file = std::fs::metadata(path).ok();
    let file = file.map_or((0, None), |file| (file.len(), file.modified().ok()));
    let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((known, feedback)) = &*read
        && *known == file
    {
        return Some(Arc::clone(feedback));
    }
    let (feedback, _) = FeedbackLog::in_folder(folder).read().ok()?;
    let feedback = Arc::new(feedback);
    *read = Some((file, Arc::clone(&feedback)));
    Some(feedback)
}
