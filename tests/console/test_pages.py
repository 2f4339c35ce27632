"""Every view in both languages, both themes, and both widths; live data; answers that fail."""

import unittest

from browser import PageTest, REAL, VIEWS


class Pages(PageTest):
    def views(self, page):
        views = dict(VIEWS)
        views["incident"] = self.incident(page)
        self.go(page, "#/assets")
        views["asset"] = page.get_attribute(".table a[href^='#/assets/']", "href")
        self.go(page, "#/jurisdictions")
        views["jurisdiction"] = page.get_attribute(".table a[href^='#/jurisdictions/']", "href")
        return views

    def test_every_view_in_every_form(self):
        for language, tag in (("en-GB", "en"), ("zh-CN", "zh-Hans")):
            for theme in ("light", "dark"):
                for width in (1440, 390):
                    page = self.page(width=width, language=language, theme=theme)
                    self.assertEqual(page.evaluate("document.documentElement.lang"), tag)
                    for name, hash in self.views(page).items():
                        with self.subTest(view=name, language=language, theme=theme, width=width):
                            self.go(page, hash)
                            self.assertTrue(page.inner_text("h1").strip())
                            self.assertIn("borderflow", page.title())
                            self.assertEqual(page.locator("h1").count(), 1)
                            self.assert_fits(page, name)

    def test_landmarks_and_names(self):
        page = self.page()
        for hash in self.views(page).values():
            self.go(page, hash)
            for landmark in ("header.top", "main", "footer", "nav.pages"):
                self.assertEqual(page.locator(landmark).count(), 1)
            nameless = page.evaluate("""() => [...document.querySelectorAll(
                "button, a[href], input, select, nav, table, [role=img], .plot")].filter((one) =>
                !(one.getAttribute("aria-label") || one.innerText?.trim() || one.textContent.trim()
                  || one.placeholder)).map((one) => one.outerHTML.slice(0, 90))""")
            self.assertEqual(nameless, [], hash)

    def test_the_map_shows_what_the_table_says(self):
        page = self.page()
        page.wait_for_selector(".arc")
        rows = page.locator(".places tbody tr").count()
        self.assertGreaterEqual(page.locator(".arc").count(), min(rows, 5))
        page.hover(".places tbody tr:first-child td:last-child")
        row = page.locator(".places tbody tr").first.get_attribute("data-row")
        page.locator(f".land [data-country={row}]").dispatch_event("pointerover")
        self.assertTrue(page.is_visible(".map-note"))
        self.assertIn("is-pointed", page.locator(f"tr[data-row={row}]").get_attribute("class"))

    def test_the_formula_of_the_map_is_that_of_its_shapes(self):
        if REAL:
            self.skipTest("the page of a sensor runs no file beside its own scripts")
        page = self.page()
        errors = page.evaluate("""async () => {
            const { project } = await import("./console/map.js");
            const world = await (await fetch("console/world.json")).json();
            return world.check.map(([latitude, longitude, x, y]) => {
                const [px, py] = project([latitude, longitude], world.projection);
                return Math.hypot(px - x, py - y);
            });
        }""")
        self.assertEqual(len(errors), 5)
        self.assertLess(max(errors), 0.2)

    def test_choices_of_language_and_theme_are_kept(self):
        page = self.page()
        page.click("[data-key=language]")
        self.until(page, "document.documentElement.lang === 'zh-Hans'")
        page.click("[data-key=theme]")
        page.click("[data-key=theme]")
        page.reload()
        page.wait_for_selector("h1")
        self.assertEqual(page.evaluate("document.documentElement.lang"), "zh-Hans")
        self.assertEqual(page.evaluate("document.documentElement.dataset.theme"), "dark")
        self.assertEqual(page.evaluate("getComputedStyle(document.body).color"),
                         "rgb(228, 233, 236)")

    def test_filters_are_in_the_address_and_back_works(self):
        page = self.page(hash="#/incidents")
        page.click("text=All >> nth=0")
        self.until(page, "location.hash.includes('state=all')")
        page.click(".filters >> text=Critical")
        self.until(page, "location.hash.includes('severity=critical')")
        self.until(page, """[...document.querySelectorAll('.queue .severity')].every(
            (one) => one.classList.contains('is-critical'))""")
        page.go_back()
        self.until(page, "!location.hash.includes('severity')")
        page.go_back()
        self.until(page, "location.hash === '#/incidents'")
        self.until(page, """document.querySelector("[data-key^='choice/State/open']")
            .getAttribute("aria-current") === "true\"""")

    def test_no_motion_for_those_who_want_none(self):
        page = self.page(reduced_motion="reduce")
        page.wait_for_selector(".arc")
        self.assertEqual(page.evaluate("document.getAnimations().length"), 0)

    def test_pages_that_do_not_exist(self):
        page = self.page(hash="#/nowhere")
        self.assertIn("no such page", page.inner_text("main"))
        self.go(page, "#/assets/%E0%A4%A")
        self.assertIn("no such page", page.inner_text("main"))
        self.go(page, "#/incidents/never")
        self.assertIn("does not know", page.inner_text("main"))
        self.errors = [error for error in self.errors if "404" not in error]


class Live(PageTest):
    needs_mock = True

    def test_what_is_old_is_said_to_be_old(self):
        page = self.page()
        page.wait_for_selector(".live .is-good")
        self.behave(events="hang")
        page.evaluate("""() => { const now = performance.now.bind(performance);
                                 performance.now = () => now() + 40000; }""")
        page.wait_for_selector(".banner:not([hidden])")
        self.assertRegex(page.inner_text(".banner:not([hidden])"), r"No word .* for 4\d sec")
        self.assertIn("Not connected", page.inner_text(".live"))
        self.behave(events=1)
        page.wait_for_selector(".live .is-good", timeout=20_000)
        self.assertEqual(page.locator(".banner:not([hidden])").count(), 0)

    def test_without_a_stream_the_sensor_is_asked(self):
        self.behave(events=0)
        page = self.page()
        page.wait_for_selector(".live .is-warn", timeout=15_000)
        self.assertIn("10 s", page.inner_text(".live"))
        self.behave(events=1)
        page.wait_for_selector(".live .is-good", timeout=60_000)
        self.errors = [error for error in self.errors if "503" not in error]

    def test_an_alert_is_told_and_brings_the_queue_up_to_date(self):
        page = self.page(hash="#/incidents")
        page.wait_for_selector(".live .is-good")
        newest = self.server.site.incidents[0]
        newest["alert"]["excess_bytes"] = 987_000_000_000
        self.behave(alert=1)
        page.wait_for_selector("text=+987 GB")
        self.assertIn(newest["alert"]["asset"], page.inner_text("[role=status].sr"))

    def test_an_error_is_shown_and_can_be_tried_again(self):
        page = self.page()
        self.behave(fail=1)
        self.go(page, "#/assets")
        self.assertIn("disk I/O error", page.inner_text("main"))
        self.behave(fail=0)
        page.click("[data-key=again]")
        page.wait_for_selector(".table")
        self.errors = [error for error in self.errors if "500" not in error]

    def test_what_was_there_stays_when_it_cannot_be_looked_up_again(self):
        page = self.page(hash="#/incidents")
        page.wait_for_selector(".live .is-good")
        self.behave(fail=1, alert=1)
        page.wait_for_selector(".banner:not([hidden])")
        self.assertGreater(page.locator(".queue tbody tr").count(), 0)
        self.errors = [error for error in self.errors if "500" not in error]


class Empty(PageTest):
    site = "empty"
    needs_mock = True

    def test_an_empty_site_says_what_to_do(self):
        page = self.page()
        words = {"overview": "borderflow doctor", "incidents": "Nothing goes beyond",
                 "assets": "inventory", "jurisdictions": "borderflow doctor",
                 "approvals": "borderflow policy list", "sensor": "mirror port"}
        for view, hash in VIEWS.items():
            self.go(page, hash)
            self.assertIn(words[view], page.inner_text("main"), view)


class Sick(PageTest):
    site = "sick"
    needs_mock = True

    def test_trouble_is_said_in_words(self):
        page = self.page()
        self.assertIn("Sensor in trouble", page.inner_text(".health"))
        self.go(page, "#/sensor")
        told = page.inner_text(".findings")
        for word in ("packets lost", "112 days old", "could not be saved 3 times", "lags",
                     "gave way"):
            self.assertIn(word, told)


if __name__ == "__main__":
    unittest.main()
