//! Interfaces that go away and come back.

use super::*;

#[test]
fn an_interface_that_goes_away_may_end_the_run() {
    let Some(link) = Link::new("gone") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let config = folder.path().join("borderflow.toml");
    std::fs::write(&config, "[capture]\nwait_for_interface = false\n").unwrap();
    let mut options = vec!["--filter", "udp", "--out", out.to_str().unwrap()];
    options.extend(["--config", config.to_str().unwrap()]);
    let sensor = link.sensor(&options);
    link.datagrams(9, 20);
    let second = Duration::from_secs(1);
    let seen = |metrics: &Metrics| metrics.sum("borderflow_packets_total ") == 20.0;
    sensor.await_metrics(2 * second, seen);
    assert!(ip(&format!("-n {} link delete eth0", link.client)));
    let ran = sensor.running.finish();
    assert_eq!((ran.status, ran.timed_out), (Some(1), false), "{ran:?}");
    let complaints: Vec<_> = ran
        .stderr
        .lines()
        .filter(|it| it.contains("borderflow: "))
        .collect();
    let [line] = complaints[..] else {
        panic!("not one line of complaint: {ran:?}");
    };
    assert!(line.contains("eth0: is gone: "), "{line}");
    assert!(line.contains("start again when it is back"), "{line}");
    let summary = json(&out.join("summary.json"));
    assert_eq!(
        number(&summary, "packets"),
        20,
        "what was seen before is kept"
    );
}

#[test]
fn an_interface_that_comes_back_is_watched_again() {
    let Some(link) = Link::new("back") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut sensor = link.sensor(&["--filter", "udp", "--out", out.to_str().unwrap()]);
    let second = Duration::from_secs(1);
    let packets = |metrics: &Metrics| metrics.sum("borderflow_packets_total ");
    link.datagrams(9, 20);
    sensor.await_metrics(2 * second, |metrics| packets(metrics) == 20.0);
    assert!(ip(&format!("-n {} link delete eth0", link.client)));
    sensor.running.await_line("eth0: was removed");
    assert!(link.plug_in());
    sensor.running.await_line("eth0: is back");
    link.datagrams(9, 30);
    sensor.await_metrics(2 * second, |metrics| packets(metrics) == 50.0);
    let received = "borderflow_interface_received_frames_total{";
    // Totals over the gap.
    sensor.await_metrics(3 * second, |metrics| metrics.sum(received) >= 50.0);
    let mut running = sensor.running;
    running.signal("TERM");
    let ran = running.finish();
    assert_eq!((ran.status, ran.timed_out), (Some(0), false), "{ran:?}");
    let summary = json(&out.join("summary.json"));
    assert_eq!(number(&summary, "packets"), 50);
}
