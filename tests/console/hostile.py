"""Strings that a hostile network can put into a name: 100 of them."""

_SCRIPTS = [
    "<script>window.hit=1</script>", "<img src=x onerror=window.hit=1>",
    "\"><svg onload=window.hit=1>", "'><body onload=window.hit=1>",
    "<iframe srcdoc='<script>parent.hit=1</script>'>", "javascript:window.hit=1",
    "<a href=javascript:window.hit=1>x</a>", "<math><mtext><style><img src=x onerror=hit=1>",
    "</title><script>hit=1</script>", "</script><script>hit=1</script>",
    "<style>body{display:none}</style>", "<link rel=stylesheet href=//evil.example/x.css>",
    "<base href=//evil.example/>", "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<form action=//evil.example><input name=t autofocus onfocus=hit=1>",
    "<details open ontoggle=hit=1>", "<video><source onerror=hit=1>",
    "<object data=//evil.example>",
    "<embed src=javascript:hit=1>", "<svg><animate onbegin=hit=1 attributeName=x dur=1s>",
    "{{constructor.constructor('hit=1')()}}", "${window.hit=1}", "<%= hit=1 %>", "#{hit=1}",
    "__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf",
    "%3Cscript%3Ehit=1%3C/script%3E", "&lt;script&gt;hit=1&lt;/script&gt;", "&#60;img src=x&#62;",
    "<!--", "-->", "]]>", "<![CDATA[<script>hit=1</script>]]>", "<?xml version='1.0'?>",
    "\\u003cscript\\u003ehit=1", "+ADw-script+AD4-hit=1", "data:text/html,<script>hit=1</script>",
    "url(javascript:hit=1)", "expression(hit=1)", "@import '//evil.example/x.css';",
    "<div style=position:fixed;inset:0;background:red>", "<marquee>", "<plaintext>", "<xmp>",
    "<noscript><p title='</noscript><img src=x onerror=hit=1>'>", "<template><script>hit=1",
]
_TEXT_DIRECTION = [
    "\u202egnp.exe", "abc\u202d123\u202e456", "\u2066\u2067nested\u2069", "\u200fright\u200eleft",
    "مثال.example", "שלום-server", "a\u061cb", "\u202a\u202b\u202c", "ab\u2067cd",
    "مرحبا 123 (456) world", "\u202e\u202e\u202e<b>", "x\u2028y\u2029z",
]
_LONG = [
    "A" * 65536, "W" * 253, "<b>" * 20000, "\u202e" * 65536, "长" * 65536, "🚩" * 16384,
    "a." * 127, "\u0300" * 65536, "Z" + "\u0351\u0489\u036f" * 400 + "algo", "\ufdfd" * 400,
    "꧅" * 300, "𒐫" * 300, "\u200b" * 65536, " " * 65536 + "x", "\n" * 5000 + "x", "\t" * 999 + "x",
]
_CONTROLS = [
    "\x00null", "\x1b[2J\x1b[31mred", "\x07bell", "a\rb", "a\nb\nc", "\x7f\x80\x9b31m", "\ufeffbom",
    "\ufffe\uffff", "\U000e0041tag", "a\u00adb",
]
_NAMES = [
    "../../etc/passwd", "a/b/c", "a?b=c#d", "%", "%zz", "100%25", "a b+c&d=e;f", "..", ".",
    "/", "//evil.example", "con",
]
STRINGS = _SCRIPTS + _TEXT_DIRECTION + _LONG + _CONTROLS + _NAMES
assert len(STRINGS) == 100 and len(set(STRINGS)) == 100, len(STRINGS)
