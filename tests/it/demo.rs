//! The demo does what the README says of it.

use std::fs;

use crate::support::{BINARY, root};

#[test]
fn the_demo_prints_what_the_readme_shows() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("demo");
    let mut command = std::process::Command::new(BINARY);
    command.arg("demo").arg("--out").arg(&out);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let sample = readme.split("```text\n").nth(2).unwrap();
    let sample = sample.split("```").next().unwrap();
    for line in sample.lines() {
        assert!(printed.contains(line), "the demo does not print: {line}");
    }
    assert!(printed.contains("while running"), "{printed}");
    // What is to be copied names the program as it was called, which no shell may find otherwise.
    let commands = printed.split("The same by hand").nth(1).unwrap();
    let commands = commands
        .lines()
        .filter(|line| line.contains(" replay ") || line.contains(" evaluate "));
    let commands: Vec<_> = commands.collect();
    assert_eq!(commands.len(), 3);
    for line in commands {
        assert!(line.trim_start().starts_with(BINARY), "{line}");
    }
    // The last lines are commands with paths, which are as long as they are.
    let report = printed.split("The same by hand").next().unwrap();
    for line in report.lines() {
        assert!(line.chars().count() <= 80, "wider than 80 columns: {line}");
    }
    for file in [
        "results/alerts.jsonl",
        "results/summary.json",
        "small-site.truth.jsonl",
    ] {
        assert!(out.join(file).exists(), "{file}");
    }
}
