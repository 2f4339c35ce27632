"""Checks on the console's files that need no browser."""

import json
import pathlib
import re
import unittest

import data
import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = ROOT / "src" / "http" / "console"
MAP_BYTES_MAX = 120_000


def scripts():
    return sorted(FILES.glob("*.js"))


def text(name):
    if name == "places.js":
        return mock.places().decode()
    return (FILES / name).read_text(encoding="utf-8")


def pairs(language):
    """Keys and texts of a language; of plurals the texts of all forms together."""
    body = text(f"{language}-sensor.js") + text(f"{language}.js")
    body = re.sub(r'"\s*\+\s*"', "", body)
    body = re.sub(r"^\s*//.*$", "", body, flags=re.M)
    string = r'"(?:[^"\\]|\\.)*"'
    return re.findall(rf'({string}):\s*(\{{[^{{}}]*(?:{string}[^{{}}]*)*?\}}(?=,\n)|{string})',
                      body)


def table(language):
    return {json.loads(key): value for key, value in pairs(language)}


def values(text):
    return set(re.findall(r"\{(\w+)\}", text))


def luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one, other):
    """WCAG 2.2, contrast ratio."""
    high, low = sorted([luminance(one), luminance(other)], reverse=True)
    return (high + 0.05) / (low + 0.05)


class Files(unittest.TestCase):
    def test_files_are_small_and_narrow(self):
        for path in FILES.iterdir():
            if path.name == "world.json":
                self.assertLessEqual(path.stat().st_size, MAP_BYTES_MAX)
                continue
            lines = path.read_text(encoding="utf-8").splitlines()
            self.assertLessEqual(len(lines), 500, path.name)
            self.assertEqual([line for line in lines if len(line) > 100], [], path.name)

    def test_nothing_becomes_markup_or_leaves_the_machine(self):
        for path in scripts():
            body = path.read_text(encoding="utf-8")
            found = re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|"
                               r"\beval\(|new Function|srcdoc|\"style\"|importScripts", body)
            self.assertEqual(found, [], path.name)
            links = set(re.findall(r"https?://[^\s\"'`]+", body))
            # A name of a language, and a link that the licence of the databases asks for.
            self.assertLessEqual(links, {"http://www.w3.org/2000/svg", "https://db-ip.com"},
                                 path.name)

    def test_the_page_has_nothing_inline_and_names_its_modules(self):
        page = text("index.html")
        self.assertNotRegex(page, r"<style|style=|<script>|\son\w+=|https?:")
        loaded = set(re.findall(r'modulepreload" href="console/(\S+?)"', page))
        needed, seen = {"app.js"}, set()
        while needed - seen:
            name = (needed - seen).pop()
            seen.add(name)
            needed |= set(re.findall(r'^import .*?from "\./(\S+?)";', text(name), re.M | re.S))
        self.assertLessEqual(needed, loaded, "the first modules are asked for at once")
        for name in re.findall(r'(?:href|src)="console/(\S+?)"', page):
            self.assertTrue(name == "places.js" or (FILES / name).is_file(), name)

    def test_the_formats_of_the_browser_are_left_alone(self):
        """The first of them takes longer than a view."""
        found = {(path.name, use) for path in scripts() for use in re.findall(
            r"Intl\.\w+|\.toLocale\w+|\.localeCompare", path.read_text(encoding="utf-8"))}
        self.assertEqual(found, {("times.js", "Intl.DateTimeFormat")})

    def test_languages_have_the_same_texts(self):
        en, zh = table("en"), table("zh")
        self.assertGreater(len(en), 300)
        self.assertEqual(set(en) ^ set(zh), set())
        for language, texts in (("en", en), ("zh", zh)):
            self.assertEqual(len(pairs(language)), len(texts), f"{language} has a key twice")
        for key in en:
            self.assertEqual(values(en[key]), values(zh[key]), key)
            self.assertEqual(en[key].startswith("{"), zh[key].startswith("{"), key)
        for key, value in zh.items():
            self.assertRegex(value, r"[\u4e00-\u9fff]|^\"(English|TLS|QUIC|SSH|DNS|NTP|ICMP|VPN|ARP"
                                    r"|、)", f"{key} is not translated")

    def test_every_text_that_is_asked_for_is_there(self):
        en = table("en")
        for path in scripts():
            asked = re.findall(r'\b(?:t|pieces)\("([^"]+)"', path.read_text(encoding="utf-8"))
            self.assertEqual([key for key in asked if key not in en], [], path.name)

    def test_every_word_of_the_schemas_has_a_text(self):
        en = table("en")
        alert = json.loads((ROOT / "docs" / "alerts.schema.json").read_text())["properties"]
        flow = alert["flows"]["items"]["properties"]
        summary = json.loads((ROOT / "docs" / "summary.schema.json").read_text())["properties"]
        sets = {
            "severity": alert["severity"]["enum"], "event": alert["event"]["enum"],
            "confidence": alert["geo_confidence"]["enum"],
            "because": alert["geo_confidence"]["enum"],
            "verdict": alert["verdict"]["enum"], "protection": flow["protection"]["enum"],
            "detector": alert["detectors"]["items"]["properties"]["name"]["enum"],
            "feedback": [word for word in alert["feedback"]["enum"] if word],
            "dropped": summary["dropped"]["properties"],
            "table": summary["evictions"]["properties"],
        }
        missing = [f"{name}.{word}" for name, words in sets.items() for word in words
                   if f"{name}.{word}" not in en]
        self.assertEqual(missing, [])

    def test_colours_can_be_read_in_both_themes(self):
        pairs = dict(re.findall(r"--([\w-]+): light-dark\((#\w{6}), #\w{6}\)", text("tokens.css")))
        dark = dict(re.findall(r"--([\w-]+): light-dark\(#\w{6}, (#\w{6})\)", text("tokens.css")))
        words = ["ink", "ink-soft", "ink-quiet", "link", "above", "far", "extreme", "good", "warn",
                 "bad"]
        for theme, colours in (("light", pairs), ("dark", dark)):
            for name in words:
                for ground in ("page", "raised", "sunk"):
                    ratio = contrast(colours[name], colours[ground])
                    self.assertGreaterEqual(ratio, 4.5, f"{name} on {ground}, {theme}")
            for name in ("focus", "normal", "beyond", "home"):
                self.assertGreaterEqual(contrast(colours[name], colours["page"]), 3, name)

    def test_kinds_differ_for_every_colour_vision(self):
        """Viénot, Brettel and Mollon (1999): what a person without one kind of cone sees."""
        dark_and_light = re.findall(r"--(normal|above|far|extreme): light-dark\((#\w+), (#\w+)\)",
                                    text("tokens.css"))
        self.assertEqual(len(dark_and_light), 4)
        for theme in (1, 2):
            colours = {row[0]: row[theme] for row in dark_and_light}
            for missing in ("red", "green"):
                seen = {name: lab(without(colour, missing)) for name, colour in colours.items()}
                for one in seen:
                    for other in seen:
                        if one < other:
                            apart = sum((a - b) ** 2 for a, b in zip(seen[one], seen[other])) ** .5
                            self.assertGreater(apart, 10, f"{one}, {other}, no {missing}")

    def test_the_mock_speaks_as_the_sensor_does(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("no jsonschema: the mock's alerts are not held against the schema")
        schema = json.loads((ROOT / "docs" / "alerts.schema.json").read_text())
        for one in data.Site().incidents:
            jsonschema.validate(one["alert"], schema)

    def test_hostile_sites_can_be_made(self):
        self.assertEqual(len(mock.site("hostile").incidents), 120)


def without(colour, cone):
    """A colour in linear light as it is seen without the cones for red or green."""
    r, g, b = [((v + 0.055) / 1.055) ** 2.4 for v in
               (int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5))]
    if cone == "red":
        both, blue = 0.11238 * r + 0.88762 * g, 0.00401 * r - 0.00401 * g + b
    else:
        both, blue = 0.29275 * r + 0.70725 * g, -0.02234 * r + 0.02234 * g + b
    return both, both, blue


def lab(linear):
    """CIE L*a*b* of a colour in linear light, in which equal steps look about equal."""
    r, g, b = [min(1, max(0, value)) for value in linear]
    x, y, z = [value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116 for value in (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089)]
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


if __name__ == "__main__":
    unittest.main()
