//! Any bytes as a policy pack.

use borderflow::policy::law::{Language, Pack, diff, examine, explain, list};

/// Reads the bytes as a pack, and where they are one, says in both languages what it says, runs
/// the tests of its rules, and holds it against itself and a pack that is built in.
pub fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let read = Pack::parse(text, NAME);
    let again = Pack::parse(text, NAME);
    assert_eq!(
        format!("{read:?}"),
        format!("{again:?}"),
        "read twice, and another pack"
    );
    let pack = match read {
        Ok(pack) => pack,
        Err(error) => {
            let said = error.to_string();
            assert!(said.starts_with(NAME), "{said}");
            assert!(!said.contains(char::is_control), "{said:?}");
            return;
        }
    };
    for language in [Language::En, Language::Zh] {
        let listed = list(std::slice::from_ref(&pack), language);
        assert!(listed.contains(&pack.id.to_string()), "{listed}");
        for rule in &pack.rules {
            let said = explain(&pack, &rule.id.to_string(), language);
            assert!(said.is_some_and(|said| !said.is_empty()), "{}", rule.id);
        }
    }
    // Its own tests may fail; that they are run is what counts.
    let _ = examine(&pack);
    assert!(diff(&pack, &pack).is_empty(), "it differs from itself");
    BUILT_IN.with(|built_in| {
        let (one, other) = (diff(&pack, built_in), diff(built_in, &pack));
        assert_eq!(one.len(), other.len(), "the other way round");
    });
}

thread_local! {
    /// A small pack that is built in.
    static BUILT_IN: Pack = Pack::embedded("ru-152fz").unwrap();
}

const NAME: &str = "x.toml";
