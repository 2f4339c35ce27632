//! Checks on the source itself, for what the compiler and clippy do not see.
//!
//! [`LAYERS`] is the order in which data flows through the sensor. A module imports only
//! modules that stand before it. Change the list on purpose or not at all.
//!
//! Each check is a function from text to complaints. It runs over the real files, and
//! over a bad string that shows that it can fail.

use std::fs;
use std::path::{Path, PathBuf};

mod each_check_can_fail;

const LAYERS: &[&str] = &[
    "time",
    "prefetch",
    "metrics",
    "store",
    "capture",
    "decode",
    "dissect",
    "inspect",
    "geo",
    "flow",
    "inventory",
    "privacy",
    "transfer",
    "intake",
    "policy",
    "baseline",
    "detect",
    "alert",
    "ledger",
    "history",
    "report",
    "sink",
    "simulate",
    "config",
    "sandbox",
    "pipeline",
    "http",
    "cli",
];

/// Where a clock may be read. Everything else takes the time as an argument.
const CLOCK_READERS: &[&str] = &[
    "src/pipeline",
    "src/http",
    "src/cli",
    "src/capture/live.rs",
    "src/capture/xdp.rs",
];

/// Where the compiler may be told to trust us: what is shared with the kernel, and hints to the
/// processor and the heap.
const UNCHECKED: &[&str] = &[
    "src/capture/nic.rs",
    "src/capture/ring/memory.rs",
    "src/capture/ring/socket.rs",
    "src/capture/xdp/calls.rs",
    "src/capture/xdp/umem.rs",
    "src/cli/doctor/clock.rs",
    "src/prefetch.rs",
    "src/main.rs",
];

const FILE_LINES_MAX: usize = 500;
const COLUMNS_MAX: usize = 100;

#[test]
fn modules_are_listed_in_the_order_of_data() {
    let lib = read("src/lib.rs");
    assert_eq!(
        declared_modules(&lib),
        LAYERS,
        "src/lib.rs and LAYERS differ"
    );
}

#[test]
fn modules_import_only_upstream() {
    assert_clean(
        files(&["src"], &["rs"])
            .iter()
            .flat_map(Source::layer_errors),
    );
}

#[test]
fn files_stay_small() {
    assert_clean(
        files(&["src"], &["rs"])
            .iter()
            .flat_map(Source::size_errors),
    );
    assert_clean(
        files(&["src", "tests"], &["rs"])
            .iter()
            .flat_map(Source::column_errors),
    );
}

#[test]
fn every_file_is_compiled() {
    assert_clean(undeclared_files(&files(&["src"], &["rs"])));
    assert_clean(undeclared_files(&files(&["tests/it"], &["rs"])));
}

#[test]
fn only_the_edges_read_a_clock() {
    assert_clean(
        files(&["src"], &["rs"])
            .iter()
            .flat_map(Source::clock_errors),
    );
}

#[test]
fn nothing_is_unchecked() {
    assert_clean(
        files(&["src", "tests"], &["rs"])
            .iter()
            .flat_map(Source::unchecked_errors),
    );
}

#[test]
fn nothing_is_left_over() {
    let texts = files(
        &["src", "tests", "docs", "scripts"],
        &["rs", "md", "sh", "toml"],
    );
    assert_clean(texts.iter().flat_map(Source::marker_errors));
}

#[test]
fn no_path_of_a_machine_is_built_in() {
    assert_clean(
        files(&["src"], &["rs"])
            .iter()
            .flat_map(Source::machine_path_errors),
    );
}

#[test]
fn every_module_is_in_the_architecture() {
    assert_clean(undescribed_modules(&read("docs/architecture.md")));
}

#[test]
fn every_capture_is_listed() {
    let names = names_under(&root().join("captures"), "");
    assert_clean(listing_errors(&read("captures/README.md"), &names));
}

/// One file of the repository, by its path from the root.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Imports of modules that stand after this file's own, or of something that is none.
    fn layer_errors(&self) -> Vec<String> {
        let (Some((module, depth)), false) = (self.module(), self.is_test()) else {
            return Vec::new();
        };
        let Some(own) = layer(module) else {
            return vec![format!("{}: module `{module}` is not in LAYERS", self.path)];
        };
        let imports = imports_from_root(&self.code(), depth).into_iter();
        let wrong = imports.filter(|import| layer(import).is_none_or(|layer| layer > own));
        wrong
            .map(|import| format!("{}: `{module}` imports `{import}`", self.path))
            .collect()
    }

    fn size_errors(&self) -> Vec<String> {
        let lines = self.lines_before_tests().count();
        let too_long = lines > FILE_LINES_MAX && !self.is_test();
        too_long
            .then(|| format!("{}: {lines} lines before tests", self.path))
            .into_iter()
            .collect()
    }

    fn column_errors(&self) -> Vec<String> {
        self.complain(
            &self.text,
            |line| line.chars().count() > COLUMNS_MAX,
            "line is too long",
        )
    }

    fn clock_errors(&self) -> Vec<String> {
        if self.is_test()
            || CLOCK_READERS
                .iter()
                .any(|reader| self.path.starts_with(reader))
        {
            return Vec::new();
        }
        let names_clock = |line: &str| {
            has_word(line, "Instant") || has_word(line, "SystemTime") || line.contains("::now(")
        };
        self.complain(&self.code(), names_clock, "the wall clock is named")
    }

    /// Finds the keyword that the lint table forbids, also where a target escapes the table.
    fn unchecked_errors(&self) -> Vec<String> {
        if UNCHECKED.contains(&self.path.as_str()) {
            return Vec::new();
        }
        let code: Vec<&str> = self.text.lines().map(without_comment).collect();
        let keyword = concat!("un", "safe");
        self.complain(
            &code.join("\n"),
            |line| has_word(line, keyword),
            "unchecked code",
        )
    }

    fn marker_errors(&self) -> Vec<String> {
        // Put together here, so that this file is checked like any other.
        let words = [
            concat!("TO", "DO"),
            concat!("FIX", "ME"),
            concat!("XX", "X"),
        ];
        let macros = [
            concat!("dbg", "!"),
            concat!("to", "do!"),
            concat!("unimple", "mented!"),
        ];
        let is_marked = |line: &str| {
            words.iter().any(|word| has_word(line, word))
                || macros.iter().any(|name| line.contains(name))
        };
        self.complain(&self.text, is_marked, "left-over marker")
    }

    fn machine_path_errors(&self) -> Vec<String> {
        let paths = ["/home/", "/root/", "/tmp/"];
        let names_path = |line: &str| paths.iter().any(|path| line.contains(path));
        self.complain(&self.text, names_path, "path of a machine")
    }

    /// One complaint for each line of `text` that is bad.
    fn complain(&self, text: &str, bad: impl Fn(&str) -> bool, what: &str) -> Vec<String> {
        let numbered = (1..).zip(text.lines());
        let bad = numbered.filter(|(_, line)| bad(line));
        bad.map(|(number, line)| format!("{}:{number}: {what}: {line}", self.path))
            .collect()
    }

    /// The top-level module and how many `super::` lead from this file to the crate root;
    /// nothing for the crate roots themselves.
    fn module(&self) -> Option<(&str, usize)> {
        let inside = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        if matches!(inside, "lib" | "main") {
            return None;
        }
        let inside = inside.strip_suffix("/mod").unwrap_or(inside);
        let module = inside.split('/').next().unwrap_or(inside);
        Some((module, inside.split('/').count()))
    }

    /// Whether the whole file is a test module. Tests may import what they like.
    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// The file without its test module and without line comments, line for line.
    fn code(&self) -> String {
        self.lines_before_tests()
            .map(without_comment)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Stops only at the body of a test module, so that nothing hides behind a `cfg(test)`
    /// function, or behind the declaration of a test file.
    fn lines_before_tests(&self) -> impl Iterator<Item = &str> {
        let next = self.text.lines().skip(1).chain([""]);
        let lines = self.text.lines().zip(next);
        let code = lines.take_while(|(line, next)| {
            !(line.trim() == "#[cfg(test)]" && next.trim_start().starts_with("mod tests {"))
        });
        code.map(|(line, _)| line)
    }
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| *layer == module)
}

/// The modules that a crate root declares, in its order.
fn declared_modules(lib: &str) -> Vec<&str> {
    let declared = lib
        .lines()
        .map(|line| line.strip_prefix("pub ").unwrap_or(line));
    declared
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .collect()
}

/// Files that no `mod` line leads to, so that the compiler never reads them: code that
/// rots, or tests that never run.
fn undeclared_files(sources: &[Source]) -> Vec<String> {
    let dead = sources
        .iter()
        .filter(|source| !is_declared(source, sources));
    dead.map(|source| format!("{}: no `mod` line leads here", source.path))
        .collect()
}

fn is_declared(source: &Source, sources: &[Source]) -> bool {
    let path = source.path.strip_suffix(".rs").unwrap_or(&source.path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if matches!(name, "lib" | "main") {
        return true;
    }
    let parents = ["/lib.rs", "/main.rs", "/mod.rs", ".rs"].map(|end| format!("{folder}{end}"));
    let declaration = format!("mod {name};");
    let parents = sources
        .iter()
        .filter(|parent| parents.contains(&parent.path));
    let mut lines = parents
        .flat_map(|parent| parent.text.lines())
        .map(without_comment);
    lines.any(|line| line.trim_end().ends_with(&declaration))
}

fn undescribed_modules(text: &str) -> Vec<String> {
    let missing = LAYERS
        .iter()
        .filter(|module| !text.contains(&format!("`{module}`")));
    missing
        .map(|module| format!("docs/architecture.md does not name `{module}`"))
        .collect()
}

/// Files without a row in the table, and rows without a file.
fn listing_errors(listing: &str, files: &[String]) -> Vec<String> {
    let rows = listing
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let rows: Vec<&str> = rows.collect();
    let unlisted = files.iter().filter(|file| !rows.contains(&file.as_str()));
    let unlisted = unlisted.map(|file| format!("captures/{file} has no row in its README.md"));
    let gone = rows
        .iter()
        .filter(|row| !files.iter().any(|file| file == *row));
    unlisted
        .chain(gone.map(|row| format!("captures/README.md lists `{row}`: no file")))
        .collect()
}

/// The top-level names in `crate::a`, in `crate::{a::x, b}`, and in as many `super::` as
/// lead to the crate root.
fn imports_from_root(code: &str, depth: usize) -> Vec<String> {
    let supers = "super::".repeat(depth);
    let mut names = Vec::new();
    for prefix in ["crate::", supers.as_str()] {
        for (start, _) in code.match_indices(prefix) {
            if code[..start].ends_with(is_identifier) {
                continue;
            }
            let rest = &code[start + prefix.len()..];
            match rest.strip_prefix('{') {
                Some(group) => names.extend(first_names_in_group(group)),
                None => names.push(identifier(rest)),
            }
        }
    }
    names
}

/// The first name of each item of a group whose opening brace is behind us.
fn first_names_in_group(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 1_usize;
    let mut item_start = 0;
    for (place, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => {
                names.push(identifier(group[item_start..place].trim()));
                item_start = place + 1;
            }
            _ => {}
        }
        if depth == 0 {
            names.push(identifier(group[item_start..place].trim()));
            break;
        }
    }
    // What follows a trailing comma is no item.
    names.retain(|name| !name.is_empty());
    names
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| is_identifier(*c)).collect()
}

fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c| !is_identifier(c)).any(|part| part == word)
}

fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or(line)
}

fn assert_clean(errors: impl IntoIterator<Item = String>) {
    let errors: Vec<String> = errors.into_iter().collect();
    assert!(
        errors.is_empty(),
        "{} complaints:\n{}",
        errors.len(),
        errors.join("\n")
    );
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files below some folders of the repository that have one of some extensions.
fn files(folders: &[&str], extensions: &[&str]) -> Vec<Source> {
    let mut sources = Vec::new();
    for folder in folders {
        for name in names_under(&root().join(folder), "") {
            let path = format!("{folder}/{name}");
            if extensions
                .iter()
                .any(|extension| path.ends_with(&format!(".{extension}")))
            {
                let text = read(&path);
                sources.push(Source { path, text });
            }
        }
    }
    assert!(
        !sources.is_empty(),
        "no file in {folders:?}: a check of nothing"
    );
    sources
}

/// The names of all files below a folder, `/` between their parts, sorted. Its own
/// README.md, at the top, is not counted.
fn names_under(folder: &Path, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            names.extend(names_under(&entry.path(), &format!("{name}/")));
        } else if name != "README.md" {
            names.push(name);
        }
    }
    names.sort();
    names
}
