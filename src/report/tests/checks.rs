//! Small checks of what the writers made.

/// Tags that a page may hold.
const TAGS: [&str; 49] = [
    "a",
    "aside",
    "b",
    "body",
    "caption",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "head",
    "header",
    "html",
    "i",
    "li",
    "main",
    "meta",
    "nav",
    "ol",
    "p",
    "path",
    "pre",
    "rect",
    "section",
    "small",
    "span",
    "strong",
    "style",
    "svg",
    "table",
    "tbody",
    "td",
    "text",
    "th",
    "thead",
    "time",
    "title",
    "tr",
    "ul",
    "!doctype",
    "",
    "",
    "",
];

/// Attributes that a tag may have.
const ATTRIBUTES: [&str; 22] = [
    "aria-hidden",
    "aria-label",
    "charset",
    "class",
    "content",
    "d",
    "height",
    "href",
    "html",
    "http-equiv",
    "id",
    "lang",
    "name",
    "role",
    "scope",
    "viewBox",
    "width",
    "x",
    "y",
    "",
    "",
    "",
];

/// Panics where a page holds a tag or attribute that it may not, one that is not closed, or a
/// link that leads out of it.
pub(super) fn check_html(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    for part in [before, after] {
        let mut rest = part;
        while let Some((text, tail)) = rest.split_once('<') {
            assert!(!text.contains('>'), "unescaped `>`: {text:?}");
            let (tag, tail) = tail.split_once('>').expect("a tag ends");
            check_tag(tag, &mut open);
            rest = tail;
        }
        assert!(!rest.contains('>'), "unescaped `>`: {rest:?}");
    }
    assert!(open.is_empty(), "not closed: {open:?}");
}

fn check_tag<'a>(tag: &'a str, open: &mut Vec<&'a str>) {
    assert!(!tag.contains('<'), "a tag within a tag: {tag:?}");
    let name = tag.split([' ', '/']).find(|name| !name.is_empty()).unwrap();
    assert!(TAGS.contains(&name), "tag {name:?} in {tag:?}");
    if let Some(closed) = tag.strip_prefix('/') {
        assert_eq!(open.pop(), Some(closed), "closed out of order");
        return;
    }
    let is_void = tag.ends_with('/') || matches!(name, "meta" | "!doctype");
    let mut rest = tag
        .strip_prefix(name)
        .unwrap()
        .trim_end_matches('/')
        .trim_start();
    while !rest.is_empty() {
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let (attribute, tail) = rest.split_at(end);
        assert!(
            ATTRIBUTES.contains(&attribute),
            "attribute {attribute:?} in {tag:?}"
        );
        rest = tail.trim_start();
        if let Some(value) = tail.strip_prefix("=\"") {
            let (value, tail) = value.split_once('"').expect("a value ends");
            let is_inner = attribute != "href" || value.starts_with('#');
            assert!(is_inner, "a link that leads out: {value:?}");
            rest = tail.trim_start();
        }
    }
    if !is_void {
        open.push(name);
    }
}

/// Panics where rows of a table differ in their columns, or a line holds raw markup.
pub(super) fn check_markdown(text: &str) {
    let mut columns = None;
    for line in text.lines() {
        let is_code = line.starts_with("    ");
        let is_quote = line.starts_with('>');
        assert!(!line.contains('<'), "raw markup: {line:?}");
        assert!(is_quote || !line.contains("]("), "a link: {line:?}");
        assert!(is_code || !line.contains('`'), "code: {line:?}");
        if !line.starts_with('|') {
            assert!(
                is_code || !line.contains('|'),
                "a bar outside of a table: {line:?}"
            );
            columns = None;
            continue;
        }
        let found = line.matches('|').count();
        assert_eq!(*columns.get_or_insert(found), found, "{line:?}");
        assert!(line.ends_with('|'), "{line:?}");
    }
}

/// Reads CSV (RFC 4180).
pub(super) fn read_csv(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = vec![String::new()];
    let mut is_quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let field = row.last_mut().unwrap();
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                field.push('"');
                letters.next();
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(String::new()),
            '\r' if !is_quoted && letters.peek() == Some(&'\n') => {
                letters.next();
                rows.push(std::mem::replace(&mut row, vec![String::new()]));
            }
            letter => field.push(letter),
        }
    }
    assert_eq!(row, [""], "the last line ends");
    rows
}
