"""What people do: the keyboard alone, and a word on an incident."""

import unittest

from browser import REAL, TOKEN, PageTest


class Keyboard(PageTest):
    def focused(self, page):
        return page.evaluate("document.activeElement.dataset.key ?? document.activeElement.tagName")

    def tab_to(self, page, key, most=80):
        for _ in range(most):
            page.keyboard.press("Tab")
            if self.focused(page) == key or self.focused(page).startswith(f"{key}/"):
                return
        self.fail(f"Tab never came to {key}")

    def test_a_walk_without_a_mouse(self):
        page = self.page()
        page.keyboard.press("Tab")
        self.assertEqual(page.evaluate("document.activeElement.className"), "skip")
        page.keyboard.press("Enter")
        self.assertEqual(self.focused(page), "H1")
        page.focus(".skip")
        self.tab_to(page, "nav/incidents")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        self.assertEqual(outline, "solid")
        page.keyboard.press("Enter")
        page.wait_for_selector(".queue")
        self.assertEqual(self.focused(page), "H1")
        self.tab_to(page, "incident")
        first = self.focused(page)
        page.keyboard.press("ArrowDown")
        second = self.focused(page)
        self.assertTrue(first != second or page.locator(".queue tbody tr").count() == 1)
        page.keyboard.press("Enter")
        page.wait_for_selector(".detectors")
        self.assertEqual(self.focused(page), "H1")
        self.tab_to(page, "curve")
        before = page.inner_text(".readout")
        page.keyboard.press("ArrowLeft")
        self.assertNotEqual(page.inner_text(".readout"), before)
        self.tab_to(page, "numbers")
        page.keyboard.press("Enter")
        page.wait_for_selector(".numbers tbody tr")
        page.go_back()
        page.wait_for_selector(".queue")
        self.assertEqual(self.focused(page), "H1")

    def test_every_view_can_be_left_and_no_focus_is_trapped(self):
        page = self.page()
        for view in ("assets", "jurisdictions", "approvals", "sensor", ""):
            page.focus(".skip")
            self.tab_to(page, f"nav/{view}")
            page.keyboard.press("Enter")
            self.until(page, f"location.hash === '#/{view}' && document.activeElement.tagName "
                             "=== 'H1'")

    def test_the_focus_stays_when_data_come(self):
        page = self.page(hash="#/incidents")
        self.tab_to(page, "incident")
        key = self.focused(page)
        if not self.server:
            self.skipTest("needs the mock server")
        self.server.site.incidents[0]["alert"]["excess_bytes"] = 876_000_000_000
        self.behave(alert=1)
        page.wait_for_selector("text=+876 GB")
        self.assertEqual(self.focused(page), key)


class Feedback(PageTest):
    def test_a_word_on_an_incident(self):
        page = self.page()
        if page.evaluate("fetch('api/v1/status').then((a) => a.json()).then((s) => s.feedback)") \
                == "off":
            self.skipTest("the server takes no feedback")
        self.go(page, self.incident(page))
        page.click("[data-key='say/expected']")
        page.wait_for_selector("dialog[open]")
        self.assertEqual(page.evaluate("document.activeElement.id"), "token")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
        self.assertEqual(page.inner_text(".answer"), "")

        page.click("[data-key='say/expected']")
        page.keyboard.type("not the token")
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog >> text=did not accept")
        page.keyboard.type(TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_selector(".answer .is-good")
        self.assertIn("Taken down as number", page.inner_text(".answer"))
        page.wait_for_selector(".given li")

        # It is asked for once, and is in no storage.
        page.click("[data-key='say/malicious']")
        self.until(page, "document.querySelectorAll('.given li').length >= 2")
        self.assertEqual(page.locator("dialog").count(), 0)
        stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, "
                               "document.cookie, location.href])")
        self.assertNotIn(TOKEN, stored)
        self.errors = [error for error in self.errors if "401" not in error]

    def test_the_token_goes_with_the_page(self):
        if REAL:
            self.skipTest("says something of an incident each time")
        page = self.page()
        self.go(page, self.incident(page))
        page.click("[data-key='say/benign-once']")
        page.keyboard.type(TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_selector(".answer .is-good")
        page.reload()
        page.wait_for_selector(".detectors")
        page.click("[data-key='say/benign-once']")
        page.wait_for_selector("dialog[open]")


if __name__ == "__main__":
    unittest.main()
