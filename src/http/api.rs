//! The API of the console: what it is asked, read from paths and queries.

use std::collections::BTreeMap;

use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use super::query::{NO_HISTORY, Queries};
use super::route::{Body, Refusal, Site, json_answer};
use crate::geo::Country;
use crate::history::{HOURS_MAX, HourSelection, IncidentState, Page};
use crate::time::Tick;

/// Rows of a list, at most, and where it is not said.
const LIMIT_MAX: usize = 500;
const LIMIT: usize = 100;

/// Hours that are told where it is not said which.
const HOURS: u64 = 168;

/// Incidents that are told beside an asset.
const INCIDENTS_OF_ASSET: usize = 20;

/// The longest text that is looked for, in bytes.
const TEXT_BYTES_MAX: usize = 1_024;

/// Answers a request for what stands behind `/api/v1/`.
pub(super) async fn answer(
    site: &Site,
    name: &str,
    query: Option<&str>,
) -> Result<Response<Body>, Refusal> {
    let asked = Asked::read(query.unwrap_or_default())?;
    if name == "status" {
        return Ok(ok(&status(site).await));
    }
    match name {
        "jurisdictions" => jurisdictions(history(site)?, &asked).await,
        "hours" => hours(history(site)?, &asked).await,
        "incidents" => incidents(history(site)?, &asked).await,
        "assets" => {
            let text = asked.text("q")?.unwrap_or_default().to_owned();
            let page = asked.page()?;
            let found = history(site)?.ask(move |reader| reader.assets(&text, page.of()));
            Ok(ok(&found.await?))
        }
        "corridors" => {
            let page = asked.page()?;
            let found = history(site)?.ask(move |reader| reader.corridors(page.of()));
            Ok(ok(&found.await?))
        }
        "meters" => {
            let meters = history(site)?.ask(|reader| reader.meters()).await?;
            Ok(ok(&json!({ "meters": meters })))
        }
        _ => match name.split_once('/') {
            Some(("incidents", incident)) => one_incident(site, incident).await,
            Some(("assets", asset)) => one_asset(history(site)?, asset).await,
            _ => Err(Refusal::not_found("there is no such thing in the API")),
        },
    }
}

fn ok(value: &impl Serialize) -> Response<Body> {
    json_answer(StatusCode::OK, value)
}

fn history(site: &Site) -> Result<&Queries, Refusal> {
    let none = || Refusal::new(StatusCode::SERVICE_UNAVAILABLE, NO_HISTORY);
    site.queries.as_ref().ok_or_else(none)
}

async fn status(site: &Site) -> Value {
    let (telemetry, about) = (&site.telemetry, &site.about);
    let span = match &site.queries {
        Some(queries) => queries.ask(|reader| reader.span()).await.ok().flatten(),
        None => None,
    };
    let [now, started] = telemetry.times().map_or([None; 2], |times| times.map(Some));
    // Before the first packet nothing but the clock says what time it is.
    let around = now.map_or_else(jiff::Timestamp::now, |tick| {
        let seconds = i64::try_from(tick.0).unwrap_or(i64::MAX);
        jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX)
    });
    let text = |tick: Option<Tick>| tick.map(|tick| tick.to_string());
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "mode": if about.is_replay { "replay" } else { "live" },
        "input": about.inputs,
        "now": text(now),
        "started": text(started),
        "is_ready": telemetry.is_ready(),
        "site": {
            "jurisdictions": about.jurisdictions,
            "time_zone": about.time_zone,
            "time_zone_offsets": super::zone::offsets(&about.time_zone, around),
            "location": null,
        },
        "feedback": if site.takes_feedback() { "token" } else { "off" },
        "history_since": span.map(|[first, _]| Tick::of_hour(first).to_string()),
        "totals": telemetry.totals(),
        "health": telemetry.health(),
    })
}

async fn jurisdictions(queries: &Queries, asked: &Asked) -> Result<Response<Body>, Refusal> {
    let hours = asked.number("hours")?.unwrap_or(24);
    if !(1..=HOURS_MAX).contains(&hours) {
        let why = format!("hours: a number from 1 to {HOURS_MAX}");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, why));
    }
    let found = queries.ask(move |reader| reader.jurisdictions(hours));
    Ok(ok(&found.await?))
}

async fn hours(queries: &Queries, asked: &Asked) -> Result<Response<Body>, Refusal> {
    let asset = asked.text("asset")?.map(str::to_owned);
    let country = asked.country()?;
    let (from, to) = (asked.hour("from")?, asked.hour("to")?);
    let count = asked.number("count")?.unwrap_or(HOURS);
    if !(1..=HOURS_MAX).contains(&count) {
        let why = format!("count: a number from 1 to {HOURS_MAX}");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, why));
    }
    let hours = queries.ask(move |reader| {
        let last = reader.span()?.map_or(0, |[_, last]| last);
        let to = to.unwrap_or(last).min(last);
        reader.hours(&HourSelection {
            asset: asset.as_deref(),
            country,
            from: from.unwrap_or((to + 1).saturating_sub(count)),
            to,
        })
    });
    Ok(ok(&json!({ "hours": hours.await? })))
}

async fn incidents(queries: &Queries, asked: &Asked) -> Result<Response<Body>, Refusal> {
    let state = match asked.text("state")? {
        None | Some("open") => IncidentState::Open,
        Some("all") => IncidentState::All,
        Some(_) => {
            let why = "state: `open` or `all`";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, why));
        }
    };
    let asset = asked.text("asset")?.map(str::to_owned);
    let (country, page) = (asked.country()?, asked.page()?);
    let found =
        queries.ask(move |reader| reader.incidents(state, asset.as_deref(), country, page.of()));
    Ok(ok(&found.await?))
}

async fn one_incident(site: &Site, encoded: &str) -> Result<Response<Body>, Refusal> {
    let name = decoded(encoded)?;
    let wanted = name.clone();
    let found = history(site)?.ask(move |reader| reader.incident(&wanted));
    let found = found.await?;
    let found = found.ok_or_else(|| Refusal::not_found("there is no such incident"))?;
    let feedback = match &site.log {
        Some(log) => log.of(name.clone()).await?,
        None => Vec::new(),
    };
    Ok(ok(&json!({
        "incident": name,
        "state": found.state,
        "alerts": found.alerts,
        "hours": found.hours,
        "feedback": feedback,
    })))
}

async fn one_asset(queries: &Queries, encoded: &str) -> Result<Response<Body>, Refusal> {
    let name = decoded(encoded)?;
    let found = queries.ask(move |reader| {
        let Some(asset) = reader.asset(&name)? else {
            return Ok(None);
        };
        let page = Page {
            limit: INCIDENTS_OF_ASSET,
            after: None,
        };
        let incidents = reader.incidents(IncidentState::All, Some(&name), None, page)?;
        Ok(Some(AssetAnswer {
            asset,
            incidents: incidents.incidents,
        }))
    });
    match found.await? {
        Some(answer) => Ok(ok(&answer)),
        None => Err(Refusal::not_found("there is no such asset")),
    }
}

#[derive(Serialize)]
struct AssetAnswer {
    #[serde(flatten)]
    asset: crate::history::AssetDetail,
    incidents: Vec<crate::history::IncidentRow>,
}

/// What a query asks.
struct Asked(BTreeMap<String, String>);

/// Which part of a list is wanted, as it is handed to another thread.
struct WantedPage {
    limit: usize,
    after: Option<String>,
}

impl WantedPage {
    fn of(&self) -> Page<'_> {
        Page {
            limit: self.limit,
            after: self.after.as_deref(),
        }
    }
}

impl Asked {
    fn read(query: &str) -> Result<Self, Refusal> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(&value.replace('+', " "))?))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    /// A text, if it is asked for and not empty.
    fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let text = self.0.get(name).map(String::as_str);
        let text = text.filter(|text| !text.is_empty());
        match text {
            Some(text) if text.len() > TEXT_BYTES_MAX => {
                let why = format!("{name}: at most {TEXT_BYTES_MAX} bytes");
                Err(Refusal::new(StatusCode::BAD_REQUEST, why))
            }
            text => Ok(text),
        }
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let number = self.text(name)?.map(str::parse).transpose();
        let why = || Refusal::new(StatusCode::BAD_REQUEST, format!("{name}: no number"));
        number.map_err(|_| why())
    }

    fn country(&self) -> Result<Option<Country>, Refusal> {
        let country = self.text("country")?.map(str::parse).transpose();
        country.map_err(|_| {
            let why = "country: two capital letters, such as SG";
            Refusal::new(StatusCode::BAD_REQUEST, why)
        })
    }

    /// The hour in which a moment lies.
    fn hour(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let tick = self.text(name)?.map(str::parse::<Tick>).transpose();
        let tick =
            tick.map_err(|why| Refusal::new(StatusCode::BAD_REQUEST, format!("{name}: {why}")))?;
        Ok(tick.map(Tick::hour))
    }

    fn page(&self) -> Result<WantedPage, Refusal> {
        let limit = self
            .number("limit")?
            .map_or(LIMIT, |limit| usize::try_from(limit).unwrap_or(LIMIT_MAX));
        Ok(WantedPage {
            limit: limit.clamp(1, LIMIT_MAX),
            after: self.text("after")?.map(str::to_owned),
        })
    }
}

/// A part of a path or a query without its percent signs (RFC 3986 section 2.1).
pub(super) fn decoded(text: &str) -> Result<String, Refusal> {
    let why = || {
        let why = "a percent sign in the request is not followed by what it should be";
        Refusal::new(StatusCode::BAD_REQUEST, why)
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            let letter = char::from(rest.next().ok_or_else(why)?);
            letter.to_digit(16).ok_or_else(why)
        };
        let value = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(value).map_err(|_| why())?);
    }
    String::from_utf8(bytes).map_err(|_| why())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_are_read_or_refused() {
        assert_eq!(decoded("a%2Fb%20%E4%B8%AD").unwrap(), "a/b \u{4e2d}");
        for wrong in ["%", "%2", "%zz", "%ff", "a%c3"] {
            assert_eq!(decoded(wrong).unwrap_err().status, 400, "{wrong}");
        }
        let asked = Asked::read("q=a+b%2B&limit=9999&after=&country=SG").unwrap();
        assert_eq!(asked.text("q").unwrap(), Some("a b+"));
        let page = asked.page().unwrap();
        assert_eq!((page.limit, page.after), (LIMIT_MAX, None));
        assert!(asked.country().unwrap().is_some());
        assert!(Asked::read("country=Singapore").unwrap().country().is_err());
        assert!(Asked::read("from=yesterday").unwrap().hour("from").is_err());
    }
}
