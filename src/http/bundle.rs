//! The modules of the console as one script, and its styles as one sheet, so that a first view
//! takes few requests. They are put together when they are first asked for; nobody has to build
//! anything.
//!
//! It is no reader of JavaScript: it knows the few forms in which these modules import and export,
//! each at the beginning of a line, and a test holds that they have no others. A module becomes a
//! function that is called once and returns what it exports, so that names of two modules never
//! meet. Comments that have lines of their own stay behind: a browser reads them before it draws.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The script of these modules, each with its name; `first` is run last, when it has all that it
/// imports. What one module imports of another must not go in circles.
pub(super) fn script(modules: &BTreeMap<&str, &str>, first: &str) -> String {
    let mut text = "\"use strict\";\nconst modules = {};\n".to_owned();
    let mut done = BTreeSet::new();
    // What is loaded when it is opened is here already.
    for name in modules.keys().filter(|name| **name != first) {
        add(modules, name, &mut done, &mut text);
    }
    add(modules, first, &mut done, &mut text);
    text
}

/// Adds a module, and before it those that it imports.
fn add<'a>(
    modules: &BTreeMap<&'a str, &'a str>,
    name: &str,
    done: &mut BTreeSet<&'a str>,
    text: &mut String,
) {
    let Some((name, source)) = modules.get_key_value(name) else {
        return;
    };
    if !done.insert(name) {
        return;
    }
    let module = Module::read(source);
    for import in &module.imports {
        add(modules, import, done, text);
    }
    let _ = writeln!(text, "modules[\"{name}\"] = (() => {{");
    text.push_str(&module.body);
    let exports = module.exports.join(", ");
    let _ = writeln!(text, "return {{ {exports} }};\n}})();");
}

/// A module, taken apart.
#[derive(Debug, Default)]
struct Module {
    /// Modules that it imports.
    imports: Vec<String>,
    /// Names that it exports, as members of an object.
    exports: Vec<String>,
    body: String,
}

impl Module {
    fn read(source: &str) -> Self {
        let mut module = Self::default();
        let mut lines = source.lines();
        while let Some(line) = lines.next() {
            if line.trim_start().starts_with("/*") {
                let mut rest = line;
                while !rest.ends_with("*/") {
                    let Some(next) = lines.next() else { break };
                    rest = next;
                }
            } else if line.starts_with("import ") {
                let mut statement = line.to_owned();
                while !statement.ends_with(';') {
                    let Some(next) = lines.next() else { break };
                    statement.push(' ');
                    statement.push_str(next.trim());
                }
                module.import(&statement);
            } else if let Some(rest) = line.strip_prefix("export default ") {
                module.exports.push("default: whole".to_owned());
                module.line(&format!("const whole = {rest}"));
            } else if let Some(rest) = line.strip_prefix("export ") {
                module.exports.extend(declared(rest).map(str::to_owned));
                module.line(rest);
            } else if !line.trim_start().starts_with("//") {
                module.line(line);
            }
        }
        module
    }

    fn line(&mut self, line: &str) {
        self.body.push_str(&dynamic(line));
        self.body.push('\n');
    }

    /// `import * as NAME from "./FILE";` or `import { NAME, NAME } from "./FILE";`.
    fn import(&mut self, statement: &str) {
        let Some((names, file)) = statement
            .strip_prefix("import ")
            .and_then(|rest| rest.split_once(" from \"./"))
        else {
            return;
        };
        let file = file.trim_end_matches("\";");
        let names = names.trim_start_matches("* as ");
        let line = format!("const {names} = modules[\"{file}\"];");
        self.imports.push(file.to_owned());
        self.body.push_str(&line);
        self.body.push('\n');
    }
}

/// The name that a declaration declares.
fn declared(declaration: &str) -> Option<&str> {
    let words = declaration.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let mut words = words.filter(|word| !word.is_empty());
    words.find(|word| !matches!(*word, "const" | "async" | "function" | "class"))
}

/// A line with what it loads when it is needed, which is there.
fn dynamic(line: &str) -> String {
    let parts = line.split("import(\"./");
    let mut text = String::new();
    for (place, part) in parts.enumerate() {
        match part.split_once("\")").filter(|_| place > 0) {
            Some((file, rest)) => {
                let _ = write!(text, "Promise.resolve(modules[\"{file}\"]){rest}");
            }
            None => text.push_str(part),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_comes_after_those_that_it_imports() {
        let modules = BTreeMap::from([
            (
                "a.js",
                "import { b, c } from \"./b.js\";\nexport const a = () => b + c;\n",
            ),
            (
                "b.js",
                "// Words.\n/** Of b. */\nexport const b = 1;\n/**\n * Of c.\n */\n\
                 export async function c() {}\n",
            ),
            (
                "app.js",
                "import * as a from \"./a.js\";\nconst x = () => import(\"./v.js\");\n",
            ),
            ("v.js", "export default { draw };\n"),
        ]);
        let expected = "\"use strict\";\nconst modules = {};\n\
            modules[\"b.js\"] = (() => {\nconst b = 1;\nasync function c() {}\n\
            return { b, c };\n})();\n\
            modules[\"a.js\"] = (() => {\nconst { b, c } = modules[\"b.js\"];\n\
            const a = () => b + c;\nreturn { a };\n})();\n\
            modules[\"v.js\"] = (() => {\nconst whole = { draw };\n\
            return { default: whole };\n})();\n\
            modules[\"app.js\"] = (() => {\nconst a = modules[\"a.js\"];\n\
            const x = () => Promise.resolve(modules[\"v.js\"]);\nreturn {  };\n})();\n";
        assert_eq!(script(&modules, "app.js"), expected);
    }
}
