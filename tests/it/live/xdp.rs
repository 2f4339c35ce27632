//! A mirror port that is captured by AF_XDP.

use super::*;

/// Makes the server's end one that no host uses, as a mirror port is.
fn unaddress(link: &Link) -> bool {
    let Link { client, server } = link;
    let mut python = inside(server, "python3");
    python.args(["-c", LEAVE_TAGS]);
    let neighbour = format!("{SERVER_ADDRESS} lladdr 02:00:00:00:00:02 dev eth0");
    run(python).status == Some(0)
        && ip(&format!("-n {server} addr flush dev eth0"))
        && ip(&format!("-n {client} neigh replace {neighbour}"))
}

/// Whether a program of XDP is on the server's end.
fn has_program(link: &Link) -> bool {
    let mut command = inside(&link.server, "ip");
    command.args(["link", "show", "eth0"]);
    run(command).stdout.contains("prog/xdp")
}

#[test]
fn a_mirror_port_is_captured_by_xdp() {
    let Some(link) = Link::new("xdp") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let config = folder.path().join("borderflow.toml");
    std::fs::write(&config, "[capture]\nmethod = \"xdp\"\n").unwrap();
    let mut options = vec!["--out", out.to_str().unwrap()];
    options.extend(["--config", config.to_str().unwrap()]);

    let mut command = inside(&link.server, BINARY);
    command.args(["run", "--interface", "eth0"]).args(&options);
    let ran = run(command);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    let why = format!("eth0: cannot be captured: has the address {SERVER_ADDRESS} of this host");
    assert!(ran.stderr.contains(&why), "{ran:?}");

    if !unaddress(&link) {
        return println!("xdp: skipped, the link cannot be made a mirror port here");
    }
    for workers in ["1", "2"] {
        options.extend(["--workers", workers]);
        let sensor = link.sensor(&options);
        assert!(has_program(&link));
        link.datagrams(9, 50);
        let second = Duration::from_secs(1);
        let packets = |metrics: &Metrics| metrics.sum("borderflow_packets_total ");
        sensor.await_metrics(2 * second, |metrics| packets(metrics) == 50.0);
        let mut running = sensor.running;
        let start = Instant::now();
        running.signal("TERM");
        let ran = running.finish();
        assert!(start.elapsed() < second, "silence held it up");
        assert_eq!((ran.status, ran.timed_out), (Some(0), false), "{ran:?}");
        let summary = json(&out.join("summary.json"));
        assert_eq!(number(&summary, "packets"), 50);
        assert!(!has_program(&link));
        options.truncate(4);
    }
    let mut running = link.sensor(&options).running;
    assert!(has_program(&link));
    running.signal("KILL");
    running.finish();
    let start = Instant::now();
    while has_program(&link) {
        assert!(start.elapsed() < Duration::from_secs(2), "it outlived us");
    }
}
