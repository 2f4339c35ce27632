//! One POST for each event. Redirects are not followed and proxies of the environment not used:
//! events go where the configuration says, and nowhere else.

use std::sync::Arc;

use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use super::tls::{Own, provider};
use super::{SendError, TIMEOUT, Trust};

/// Where Alertmanager takes alerts.
pub const PATH_OF_ALERTS: &str = "/api/v2/alerts";

/// Where requests go.
#[derive(Debug)]
pub struct HttpTarget {
    /// Address of the resource, `http` or `https`.
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<String>,
    /// Whom `https` trusts.
    pub trust: Option<Trust>,
}

/// A client.
#[derive(Debug)]
pub struct Http {
    agent: Agent,
    url: String,
    token: Option<String>,
}

impl Http {
    /// Makes a client; nothing is opened yet.
    pub fn new(target: HttpTarget) -> Self {
        let mut builder = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .proxy(None)
            .user_agent(concat!("borderflow/", env!("CARGO_PKG_VERSION")));
        if let Some(trust) = &target.trust {
            builder = builder.tls_config(tls(trust));
        }
        Self {
            agent: builder.build().new_agent(),
            url: target.url,
            token: target.token,
        }
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// Where the answer is not that it was taken. What the other side calls malformed, too large
    /// or of a wrong kind will never be taken; all else may be, once somebody has mended it.
    pub fn send(&mut self, body: &str) -> Result<(), SendError> {
        let mut request = self.agent.post(&self.url);
        request = request.header("Content-Type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let response = request.send(body);
        let response = response.map_err(|error| SendError::later(self.about(error)))?;
        let status = response.status().as_u16();
        match status {
            200..300 => {
                // What is read to its end leaves a connection that can be used again.
                let mut answer = response.into_body();
                let bounded = answer.with_config().limit(ANSWER_BYTES_MAX);
                let _ = bounded.read_to_vec();
                Ok(())
            }
            400 | 413 | 415 | 422 => {
                let why = format!("status {status}, which does not take the event");
                Err(SendError::Never(self.about(why)))
            }
            _ => Err(SendError::Later(self.about(format!("status {status}")))),
        }
    }

    fn about(&self, why: impl std::fmt::Display) -> String {
        format!("{}: {why}", shown(&self.url))
    }
}

/// An address of the web as people are shown it. What stands behind the host may be a secret.
pub(in crate::sink) fn shown(url: &str) -> String {
    let host_start = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(host_start..).unwrap_or_default();
    match rest.find(['/', '?']) {
        Some(at) if at + 1 < rest.len() => {
            let host = url.get(..host_start + at).unwrap_or_default();
            format!("{host}/…")
        }
        _ => url.to_owned(),
    }
}

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

fn tls(trust: &Trust) -> TlsConfig {
    let authorities = trust.authorities.iter();
    let authorities = authorities.map(|one| Certificate::from_der(one).to_owned());
    TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(authorities.collect())))
        .client_cert(trust.own.as_ref().and_then(client))
        .unversioned_rustls_crypto_provider(provider())
        .build()
}

fn client(own: &Own) -> Option<ClientCert> {
    let chain = own.chain.iter();
    let chain: Vec<_> = chain
        .map(|one| Certificate::from_der(one).to_owned())
        .collect();
    let key = PrivateKey::from_pem(&own.key_pem);
    key.ok().map(|key| ClientCert::new_with_certs(&chain, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let cases = [
            ("https://a.example:8443", "https://a.example:8443"),
            ("https://a.example/", "https://a.example/"),
            ("https://a.example/T0/s3cret", "https://a.example/…"),
            ("https://a.example?key=s3cret", "https://a.example/…"),
        ];
        for (url, seen) in cases {
            assert_eq!(shown(url), seen);
        }
    }
}
