//! What is to be said of names that carry data.

use serde::{Deserialize, Serialize};

use super::{Asked, Level, services};
use crate::policy::law::Text;

/// Names that seem to carry data.
#[derive(Clone, Debug, PartialEq)]
pub struct NameSuspicion<K> {
    /// Who asks for them.
    pub asset: K,
    /// The registered domain, escaped; nothing if it is many.
    pub domain: Option<String>,
    /// The tick of the first of these names.
    pub since: u64,
    /// Seconds since then.
    pub window_seconds: u64,
    /// Bytes that the names carry.
    pub bytes_estimated: u64,
    /// Names that the site had not asked for before.
    pub unique_names: u64,
    /// Queries, or answers where no query is seen.
    pub queries: u64,
    /// Of these, queries of types that carry anything: TXT, NULL, CNAME, MX, SRV and so on.
    pub carrier_queries: u64,
    /// Bytes of records in the answers, which came in.
    pub answer_bytes: u64,
    /// Domains that got them.
    pub domains: u64,
    /// Assets that ask the domain for new names, this one included; 0 if it is many.
    pub askers: usize,
}

impl<K> NameSuspicion<K> {
    /// What is to be said of it.
    pub fn sentence(&self) -> Text {
        let [place, place_zh] = match &self.domain {
            Some(domain) => [format!("below {domain}"), format!(" {domain} ")],
            None => [
                format!("below {} domains", self.domains),
                format!(" {} 个域", self.domains),
            ],
        };
        let [carriers, carriers_zh] = match self.carrier_queries {
            0 => [String::new(), String::new()],
            count => [
                format!(", {count} of a type that can carry anything back"),
                format!("（其中 {count} 次的类型可带回任意内容）"),
            ],
        };
        let [minutes, minutes_zh] = minutes(self.window_seconds);
        let (names, queries) = (self.unique_names, self.queries);
        let (out, back) = (self.bytes_estimated, self.answer_bytes);
        Text {
            en: format!(
                "{names} names {place} that nobody had asked for before, in {queries} queries \
                 within {minutes}{carriers}; about {out} bytes of data in them, and {back} bytes \
                 of answers"
            ),
            zh: format!(
                "{minutes_zh}内以 {queries} 次查询{carriers_zh}问及{place_zh}下 {names} \
                 个此前无人问过的名称；其中带有约 {out} 字节数据，应答共 {back} 字节"
            ),
        }
    }
}

/// How long something lasts, in whole minutes, in each language.
pub(in crate::detect::tunnels) fn minutes(seconds: u64) -> [String; 2] {
    match seconds / 60 {
        0 => ["a minute".to_owned(), "一分钟".to_owned()],
        minutes => [
            format!("{} minutes", minutes + 1),
            format!(" {} 分钟", minutes + 1),
        ],
    }
}

/// What was counted in a run.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counts {
    names: f32,
    queries: u32,
    answers: u32,
    carriers: u32,
    answer_bytes: u64,
}

impl Counts {
    pub(super) fn take<K>(&mut self, asked: &Asked<'_, K>, stands_for: f64) {
        self.names += stands_for as f32;
        let count = if asked.is_response {
            &mut self.answers
        } else {
            &mut self.queries
        };
        *count = count.saturating_add(1);
        if services::is_carrier(asked.query_type) {
            self.carriers = self.carriers.saturating_add(1);
        }
        self.answer_bytes += u64::from(asked.answer_bytes);
    }

    pub(super) fn suspicion<K>(
        &self,
        asset: K,
        tick: u64,
        level: &Level,
        domains: u64,
    ) -> NameSuspicion<K> {
        let messages = u64::from(self.queries) + u64::from(self.answers);
        let queries = u64::from(self.queries.max(self.answers));
        // Queries and answers both have a type.
        let carriers = u64::from(self.carriers) * queries / messages.max(1);
        NameSuspicion {
            asset,
            domain: None,
            since: level.since,
            window_seconds: tick.saturating_sub(level.since),
            bytes_estimated: level.run_bytes as u64,
            unique_names: self.names as u64,
            queries,
            carrier_queries: carriers,
            answer_bytes: self.answer_bytes,
            domains,
            askers: 0,
        }
    }
}
