//! The HTTP port: metrics and health.
//!
//! One thread with its own runtime, so that a scrape never holds up a packet. Connections
//! are few and short-lived: at most [`CONNECTIONS_MAX`], headers within
//! [`HEADER_TIMEOUT`], everything within [`CONNECTION_TIMEOUT`].

#![allow(clippy::disallowed_methods, reason = "timeouts need a clock")]

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::metrics;
use crate::pipeline::Telemetry;

/// Connections that are served at once; more wait.
pub const CONNECTIONS_MAX: usize = 32;

/// A client must have sent its request within this time.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection is closed after this time, whatever its client does.
pub const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the port cannot be served.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The address cannot be listened on.
    #[error("--metrics {address}: {source}; is another program using it?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The address can be reached from other machines.
    #[error(
        "--metrics {0}: this version has neither TLS nor authentication and serves loopback only; \
         use 127.0.0.1 and let a proxy stand before it"
    )]
    NotLoopback(SocketAddr),
    /// The runtime or its thread cannot be started.
    #[error("the HTTP port cannot be started: {0}")]
    Start(std::io::Error),
}

/// Serves `telemetry` on `address` until the program ends. Returns the address, in which a
/// port of 0 has been replaced by the one that was given.
///
/// # Errors
/// Where the address is not a loopback address or is in use.
pub fn serve(address: SocketAddr, telemetry: Arc<Telemetry>) -> Result<SocketAddr, HttpError> {
    if !address.ip().is_loopback() {
        return Err(HttpError::NotLoopback(address));
    }
    let listen = |source| HttpError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(listen)?;
    listener.set_nonblocking(true).map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(HttpError::Start)?;
    thread::Builder::new()
        .name("http".to_owned())
        .spawn(move || runtime.block_on(accept(listener, telemetry)))
        .map_err(HttpError::Start)?;
    Ok(bound)
}

async fn accept(listener: TcpListener, telemetry: Arc<Telemetry>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: leave the machine some air.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let telemetry = Arc::clone(&telemetry);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let response = respond(&request, &telemetry);
                async move { Ok::<_, Infallible>(response) }
            });
            // The header timeout needs a timer; without one it would be silently off.
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .max_buf_size(BUFFER_BYTES_MAX)
                .serve_connection(TokioIo::new(stream), service);
            // A client that misbehaves or goes away is its own affair.
            let _ = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await;
            drop(slot);
        });
    }
}

fn respond(request: &Request<Incoming>, telemetry: &Telemetry) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return text(
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET and HEAD are served\n",
        );
    }
    match request.uri().path() {
        "/metrics" => match metrics::encode(telemetry.families()) {
            Ok(page) => {
                let mut response = Response::new(Full::new(Bytes::from(page)));
                let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            Err(_) => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the metrics cannot be written\n",
            ),
        },
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/readyz" if telemetry.is_ready() => text(StatusCode::OK, "ready\n"),
        "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "not taking frames yet\n"),
        _ => text(
            StatusCode::NOT_FOUND,
            "there are /metrics, /healthz and /readyz\n",
        ),
    }
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// The largest request head that is read, in bytes.
const BUFFER_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    #[test]
    fn the_port_serves_metrics_and_health() {
        let address = serve("127.0.0.1:0".parse().unwrap(), Telemetry::new()).unwrap();
        let get = |path: &str| {
            ask(
                address,
                &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
            )
        };
        assert!(get("/healthz").starts_with("HTTP/1.1 200"));
        assert!(
            get("/readyz").starts_with("HTTP/1.1 503"),
            "nothing runs yet"
        );
        assert!(get("/metrics").contains("borderflow_frames_total 0"));
        assert!(get("/../etc/passwd").starts_with("HTTP/1.1 404"));
        let post = ask(
            address,
            "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        );
        assert!(post.starts_with("HTTP/1.1 405"));
        let garbage = ask(address, "\0\0\0\r\n\r\n");
        assert!(garbage.starts_with("HTTP/1.1 400"), "{garbage}");
    }

    #[test]
    fn other_machines_are_not_served() {
        let error = serve("0.0.0.0:0".parse().unwrap(), Telemetry::new()).unwrap_err();
        assert!(error.to_string().contains("loopback only"));
    }
}
