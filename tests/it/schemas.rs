//! The JSON Schemas of `docs/` against what the program writes, and against mistakes.

use std::fs::{self, File};
use std::path::Path;

use boon::{Compiler, SchemaIndex};
use borderflow::simulate::{Scenario, simulate};
use serde_json::{Value, json};

use crate::program::{Results, replay_to, results};
use crate::support::{self, json_lines, listed_captures, office_config, root, shared};

const NAMES: [&str; 5] = ["alerts", "flows", "transfers", "summary", "truth"];

/// A schema of `docs/`.
pub(crate) struct Schema {
    name: &'static str,
    text: Value,
    compiled: boon::Schemas,
    index: SchemaIndex,
}

impl Schema {
    pub(crate) fn read(name: &'static str) -> Self {
        let text = support::json(&root().join(format!("docs/{name}.schema.json")));
        // A schema that is not sound itself is refused here.
        let (mut compiled, mut compiler) = (boon::Schemas::new(), Compiler::new());
        compiler.add_resource(name, text.clone()).unwrap();
        let index = compiler.compile(name, &mut compiled);
        let index = index.unwrap_or_else(|error| panic!("{name}: {error:#}"));
        Self {
            name,
            text,
            compiled,
            index,
        }
    }

    /// Checks every value.
    pub(crate) fn accepts(&self, values: &[Value]) {
        for value in values {
            if let Err(error) = self.compiled.validate(value, self.index) {
                panic!("{}: {error:#} in {value}", self.name);
            }
        }
    }

    fn refuses(&self, value: &Value) {
        assert!(
            self.compiled.validate(value, self.index).is_err(),
            "{}: takes {value}",
            self.name
        );
    }
}

/// All schemas.
struct Schemas([Schema; 5]);

impl Schemas {
    fn read() -> Self {
        Self(NAMES.map(Schema::read))
    }

    fn accept(&self, results: &Results) {
        let [alerts, flows, transfers, summary, _] = &self.0;
        alerts.accepts(&results.alerts);
        alerts.accepts(&results.shadow);
        flows.accepts(&results.flows);
        transfers.accepts(&results.transfers);
        summary.accepts(std::slice::from_ref(&results.summary));
    }
}

#[test]
fn schemas_are_sound_closed_and_described() {
    for schema in Schemas::read()
        .0
        .into_iter()
        .chain([Schema::read("feedback"), Schema::read("verdicts")])
    {
        assert_described(&schema.text, schema.name);
        assert!(schema.text["title"].is_string() && schema.text["$id"].is_string());
    }
}

/// Every object in it takes only fields that it names, and says of each what it means.
fn assert_described(schema: &Value, at: &str) {
    let description = schema["description"].as_str().unwrap_or_default();
    assert!(
        description.ends_with('.'),
        "{at}: no sentence describes it: {schema}"
    );
    if let Some(properties) = schema["properties"].as_object() {
        assert_eq!(schema["additionalProperties"], false, "{at} is open");
        for (name, property) in properties {
            assert_described(property, &format!("{at}.{name}"));
        }
    }
    if schema["items"].is_object() {
        assert_described(&schema["items"], &format!("{at}[]"));
    }
}

#[test]
fn the_office_week_fits() {
    let folder = tempfile::tempdir().unwrap();
    let (capture, truth) = (
        folder.path().join("x.pcap"),
        folder.path().join("truth.jsonl"),
    );
    let scenario = Scenario::read(&root().join("models/scenarios/office-week.toml")).unwrap();
    let mut files = [&capture, &truth].map(|path| File::create(path).unwrap());
    let [capture_file, truth_file] = &mut files;
    simulate(&scenario, capture_file, truth_file).unwrap();

    let schemas = Schemas::read();
    let truths = json_lines(&truth);
    assert!(truths.len() > 3);
    schemas.0[4].accepts(&truths);
    // Alerts if nothing is learned first, and the shadow of alerts if everything is.
    let [mut results, shadow] = ["0h", "30d"].map(|learn| {
        let more =
            format!("[baseline]\nlearn = \"{learn}\"\n[alert]\nbudget_per_asset_week = 50.0\n");
        let config = office_config(folder.path(), "office.toml", &more);
        let out = folder.path().join("out");
        replay_to(&out, &[&capture], &["--config", config.to_str().unwrap()]).succeeded();
        results(&out)
    });
    schemas.accept(&results);
    schemas.accept(&shadow);
    results.shadow = shadow.shadow;
    for lines in [
        &results.alerts,
        &results.shadow,
        &results.flows,
        &results.transfers,
    ] {
        assert!(!lines.is_empty(), "a check of nothing");
    }
    assert_closed(&schemas, &results, &truths);
}

/// A field more anywhere, a field less where it is required, or a wrong type is refused.
fn assert_closed(schemas: &Schemas, results: &Results, truths: &[Value]) {
    let samples = [
        &results.alerts[0],
        &results.flows[0],
        &results.transfers[0],
        &results.summary,
        &truths[0],
    ];
    for (schema, sample) in schemas.0.iter().zip(samples) {
        let with = |change: &dyn Fn(&mut Value)| {
            let mut changed = sample.clone();
            change(&mut changed);
            changed
        };
        schema.refuses(&with(&|value| value["unheard_of"] = json!(1)));
        for required in schema.text["required"].as_array().unwrap() {
            let name = required.as_str().unwrap();
            schema.refuses(&with(&|value| {
                value.as_object_mut().unwrap().remove(name);
            }));
            schema.refuses(&with(&|value| value[name] = json!({"not": "this"})));
        }
    }
    let alerts = &schemas.0[0];
    for list in ["detectors", "flows"] {
        let mut alert = samples[0].clone();
        alert[list][0]["unheard_of"] = json!(1);
        alerts.refuses(&alert);
    }
    let mut summary = results.summary.clone();
    summary["dropped"]["unheard_of"] = json!(1);
    schemas.0[3].refuses(&summary);
}

#[test]
fn outputs_of_real_captures_fit() {
    let test = "outputs_of_real_captures_fit";
    let Some(captures) = shared(test, "captures") else {
        return;
    };
    let schemas = Schemas::read();
    let folder = tempfile::tempdir().unwrap();
    let listed = listed_captures(&captures);
    let mut replayed = 0;
    for (name, _) in listed.iter().step_by(EVERY) {
        let out = folder.path().join("out");
        let ran = replay_to(&out, &[&captures.join(name)], &[]);
        // What is refused has no outputs to look at.
        if matches!(ran.status, Some(0 | 3)) {
            schemas.accept(&results(&out));
            replayed += 1;
        }
    }
    assert!(replayed > 50, "only {replayed} captures were replayed");
}

#[test]
fn kept_outputs_fit() {
    let schemas = Schemas::read();
    let mut cases = 0;
    for entry in fs::read_dir(root().join("tests/golden")).unwrap() {
        let case = entry.unwrap().path();
        let lines = |name: &str| json_lines(&case.join(name));
        schemas.0[0].accepts(&lines("alerts.jsonl"));
        schemas.0[1].accepts(&lines("flows.jsonl"));
        schemas.0[3].accepts(&[support::json(Path::new(&case.join("summary.json")))]);
        cases += 1;
    }
    assert!(cases > 0, "a check of nothing");
}

/// Of the shared captures, each so manieth is replayed here; others are elsewhere.
const EVERY: usize = 17;
