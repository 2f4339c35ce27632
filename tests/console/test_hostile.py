"""100 hostile strings in every name: no script runs, nothing leaves its place."""

import unittest
from urllib.parse import quote

import hostile
from browser import VIEWS, PageTest

# Taken to be shown by name instead: what steers direction or is not seen.
STEERING = "[\\u202a-\\u202e\\u2066-\\u2069\\u200b-\\u200f\\u061c\\u0000-\\u0008\\u000e-\\u001f]"


class Hostile(PageTest):
    site = "hostile"
    needs_mock = True

    def assert_harmless(self, page, what):
        found = page.evaluate("""(steering) => ({
            hit: window.hit ?? null,
            scripts: document.querySelectorAll("script").length,
            foreign: document.querySelectorAll("iframe, object, embed, base, marquee, xmp,"
                + "meta[http-equiv], plaintext, form:not(dialog form), video, math, template, img,"
                + "main style, [onload], [onerror], [onfocus], [style*=url]").length,
            steering: new RegExp(steering).test(document.body.innerText + document.title),
            bdi: [...document.querySelectorAll("bdi")].every((one) =>
                getComputedStyle(one).unicodeBidi === "isolate"),
            tall: Math.max(0, ...[...document.querySelectorAll("td .name")].map((one) =>
                one.getBoundingClientRect().height)),
        })""", STEERING)
        self.assertIsNone(found["hit"], what)
        self.assertLessEqual(found["scripts"], 1, what)
        self.assertEqual(found["foreign"], 0, what)
        self.assertFalse(found["steering"], what)
        self.assertTrue(found["bdi"], what)
        self.assertLess(found["tall"], 90, what)
        self.assert_fits(page, what)

    def test_lists(self):
        for width in (1440, 390):
            page = self.page(width=width)
            for view, hash in VIEWS.items():
                self.go(page, hash)
                if view == "incidents":
                    self.go(page, "#/incidents?state=all")
                if page.query_selector("[data-key=more]"):
                    page.click("[data-key=more]")
                    page.wait_for_timeout(100)
                self.assert_harmless(page, f"{view} at {width}")

    def test_each_string_in_the_places_of_an_incident_and_an_asset(self):
        page = self.page(width=390)
        opened = 0
        for one in self.server.site.incidents:
            name = one["incident"]
            # A browser asks for no address so long; the list shows such names all the same.
            if len(quote(name)) > 8000:
                continue
            self.go(page, f"#/incidents/{quote(name, safe='')}")
            page.wait_for_selector(".detectors")
            self.assert_harmless(page, f"incident of {one['alert']['asset'][:40]!r}")
            opened += 1
        self.assertGreater(opened, 100)
        for string in hostile.STRINGS:
            if len(quote(string)) > 8000:
                continue
            self.go(page, f"#/assets/{quote(string, safe='')}")
            self.assert_harmless(page, f"asset {string[:40]!r}")
        self.errors = [error for error in self.errors if "404" not in error]

    def test_a_search_for_each_string(self):
        page = self.page()
        for string in hostile.STRINGS:
            self.go(page, f"#/assets?q={quote(string[:200], safe='')}")
        self.assert_harmless(page, "search")


if __name__ == "__main__":
    unittest.main()
