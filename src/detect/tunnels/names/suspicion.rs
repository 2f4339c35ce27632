//! What is to be said of names that carry data.

use serde::{Deserialize, Serialize};

use super::{Asked, Level, services};

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
    pub fn sentence(&self) -> String {
        let place = match &self.domain {
            Some(domain) => format!("below {domain}"),
            None => format!("below {} domains", self.domains),
        };
        let carriers = match self.carrier_queries {
            0 => String::new(),
            count => format!(", {count} of a type that can carry anything back"),
        };
        format!(
            "{} names {place} that nobody had asked for before, in {} queries within \
             {}{carriers}; about {} bytes of data in them, and {} bytes of answers",
            self.unique_names,
            self.queries,
            minutes(self.window_seconds),
            self.bytes_estimated,
            self.answer_bytes,
        )
    }
}

/// How long something lasts, in whole minutes.
pub(in crate::detect::tunnels) fn minutes(seconds: u64) -> String {
    match seconds / 60 {
        0 => "a minute".to_owned(),
        minutes => format!("{} minutes", minutes + 1),
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
