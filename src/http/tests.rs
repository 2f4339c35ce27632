use super::*;
use std::io::{Read, Write};
use std::net::TcpStream;

fn served() -> Served {
    Served {
        telemetry: Telemetry::new(),
        history: None,
        state: None,
        token: None,
        names: Vec::new(),
        about: About::default(),
    }
}

fn start() -> SocketAddr {
    serve(
        "127.0.0.1:0".parse().unwrap(),
        served(),
        WebConfig::default(),
    )
    .unwrap()
}

fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

fn get(address: SocketAddr, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    ask(address, &request)
}

#[test]
fn the_port_serves_metrics_and_health() {
    let address = start();
    assert!(get(address, "/healthz").starts_with("HTTP/1.1 200"));
    let ready = get(address, "/readyz");
    assert!(ready.starts_with("HTTP/1.1 503"), "nothing runs yet");
    assert!(get(address, "/metrics").contains("borderflow_frames_total 0"));
    assert!(get(address, "/../etc/passwd").starts_with("HTTP/1.1 404"));
    let post = "POST /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let post = ask(address, post);
    assert!(post.starts_with("HTTP/1.1 405") && post.contains("allow: GET, HEAD"));
    let garbage = ask(address, "\0\0\0\r\n\r\n");
    assert!(garbage.starts_with("HTTP/1.1 400"), "{garbage}");
}

#[test]
fn without_a_history_the_api_says_how_to_keep_one() {
    let address = start();
    let status = get(address, "/api/v1/status");
    assert!(status.starts_with("HTTP/1.1 200") && status.contains("\"history_since\":null"));
    let assets = get(address, "/api/v1/assets");
    assert!(assets.starts_with("HTTP/1.1 503") && assets.contains("--history DIR"));
}

#[test]
fn the_name_of_another_host_is_refused() {
    let address = start();
    let request = "GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert!(ask(address, request).starts_with("HTTP/1.1 403"));
    let health = request.replace("/metrics", "/healthz");
    assert!(ask(address, &health).starts_with("HTTP/1.1 200"));
}

#[test]
fn other_machines_are_not_served_without_tls_and_passwords() {
    let address = "0.0.0.0:0".parse().unwrap();
    let error = serve(address, served(), WebConfig::default()).unwrap_err();
    assert!(error.to_string().contains("--web-config"));
}

#[test]
fn of_too_many_idle_connections_the_oldest_go() {
    let address = start();
    let mut idle: Vec<_> = (0..CONNECTIONS_MAX + 8)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    // A scrape is served all the same.
    assert!(get(address, "/metrics").contains("borderflow_frames_total 0"));
    let first = &mut idle[0];
    first
        .set_read_timeout(Some(std::time::Duration::from_secs(2)))
        .unwrap();
    assert_eq!(first.read(&mut [0]).unwrap_or(0), 0, "the first was closed");
}
