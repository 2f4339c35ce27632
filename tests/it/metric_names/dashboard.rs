//! Grafana's dashboard.

use super::*;

/// All strings under a key in a JSON value.
fn strings<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if name == key => found.push(text),
                    field => strings(field, key, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, key, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_asks_only_for_what_there_is() {
    let dashboard = json(&root().join("monitoring/grafana/borderflow.json"));
    let mut queries = Vec::new();
    strings(&dashboard, "expr", &mut queries);
    strings(&dashboard, "query", &mut queries);
    strings(&dashboard, "definition", &mut queries);
    assert!(queries.len() > 15, "{queries:?}");
    let (rows, recorded) = (rows(), recorded());
    for query in &queries {
        assert_eq!(wrong(query, &rows, &recorded), [""; 0], "{query}");
        let has_own = !asked(query).is_empty();
        let is_foreign = FOREIGN.iter().any(|name| query.contains(name));
        assert!(has_own || is_foreign || *query == "prometheus", "{query}");
    }
}

#[test]
fn the_queries_of_the_dashboard_are_sound() {
    let test = "the_queries_of_the_dashboard_are_sound";
    if !has_commands(test, &["promtool"]) {
        return;
    }
    let dashboard = json(&root().join("monitoring/grafana/borderflow.json"));
    let mut queries = Vec::new();
    strings(&dashboard, "expr", &mut queries);
    // Each as a rule, since promtool reads those without a server.
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (place, query) in queries.iter().enumerate() {
        let query = query
            .replace("$instance", ".*")
            .replace("$jurisdiction", ".*");
        let query = Value::from(query);
        writeln!(
            rules,
            "      - record: query_{place}\n        expr: {query}"
        )
        .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dashboard.yml");
    fs::write(&path, rules).unwrap();
    let mut command = Command::new("promtool");
    command.args(["check", "rules"]).arg(&path);
    let ran = run(command);
    assert_eq!(ran.status, Some(0), "{ran:?}");
}

#[test]
fn the_dashboard_has_the_form_that_grafana_reads() {
    let dashboard = json(&root().join("monitoring/grafana/borderflow.json"));
    let text = |field: &str| dashboard[field].as_str().unwrap_or_default();
    assert!(!text("title").is_empty() && !text("uid").is_empty());
    assert!(dashboard["schemaVersion"].as_u64() >= Some(36));
    // One that is imported gets a number of its own.
    assert!(dashboard["id"].is_null());
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert!(variables.iter().any(|one| one["type"] == "datasource"));
    let panels = dashboard["panels"].as_array().unwrap();
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(
            ids.insert(panel["id"].as_u64().unwrap()),
            "{title}: its id is another's"
        );
        let place = |field: &str| panel["gridPos"][field].as_u64().unwrap();
        let [x, y, w, h] = ["x", "y", "w", "h"].map(place);
        assert!(
            w > 0 && h > 0 && x + w <= 24,
            "{title}: it is beside the grid of 24 columns"
        );
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{title}: it lies on another");
        }
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        assert!(
            !panel["description"].as_str().unwrap_or_default().is_empty(),
            "{title}"
        );
        let targets = panel["targets"].as_array().unwrap();
        let names = targets
            .iter()
            .map(|target| target["refId"].as_str().unwrap());
        let names: BTreeSet<_> = names.collect();
        assert!(!names.is_empty() && names.len() == targets.len(), "{title}");
    }
}
