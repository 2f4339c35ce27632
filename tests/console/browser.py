"""What the tests of the pages share: one browser, the mock server or a real one."""

import os
import shutil
import time
import unittest

import mock

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which(
    "chromium-browser") or shutil.which("google-chrome")
REAL = os.environ.get("BORDERFLOW_CONSOLE")
TOKEN = os.environ.get("BORDERFLOW_CONSOLE_TOKEN", mock.TOKEN)
VIEWS = {"overview": "#/", "incidents": "#/incidents", "assets": "#/assets",
         "jurisdictions": "#/jurisdictions", "approvals": "#/approvals", "sensor": "#/sensor"}


class PageTest(unittest.TestCase):
    """A test with a page; any error that the page logs fails it."""

    site = "full"
    needs_mock = False

    @classmethod
    def setUpClass(cls):
        if sync_playwright is None:
            raise unittest.SkipTest("no playwright (pip install playwright): pages not tested")
        if CHROMIUM is None:
            raise unittest.SkipTest("no Chromium (apt-get install chromium): pages not tested")
        if REAL and cls.needs_mock:
            raise unittest.SkipTest("needs the mock server")
        cls.server = None if REAL else mock.Server(cls.site)
        cls.url = REAL.rstrip("/") + "/" if REAL else cls.server.url
        cls.playwright = sync_playwright().start()
        cls.browser = cls.playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"])

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.playwright.stop()
        if cls.server:
            cls.server.shutdown()
            cls.server.server_close()

    def setUp(self):
        self.contexts = []
        self.errors = []
        if self.server:
            self.server.behave.clear()

    def tearDown(self):
        for context in self.contexts:
            context.close()
        self.assertEqual(self.errors, [], "the page logged errors")

    def page(self, hash="#/", width=1440, height=900, language="en-GB", theme="light", **more):
        context = self.browser.new_context(viewport={"width": width, "height": height},
                                           locale=language, color_scheme=theme, **more)
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: self.errors.append(message.text)
                if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.errors.append(f"asks {request.url}")
                if not request.url.startswith((self.url, "data:")) else None)
        page.goto(self.url + hash)
        page.wait_for_selector("h1")
        return page

    def go(self, page, hash):
        """Opens another view in the same page, and waits until it is drawn."""
        page.evaluate("""hash => {
            if (location.hash === hash) return;
            document.querySelector("h1")?.setAttribute("data-old", "");
            location.hash = hash;
        }""", hash)
        page.wait_for_selector("h1:not([data-old])")

    def until(self, page, expression, seconds=10):
        """Waits until something is true. Playwright's own wait is forbidden by the page's policy,
        as anything that makes a script of a text."""
        end = time.monotonic() + seconds
        while not page.evaluate(expression):
            self.assertLess(time.monotonic(), end, f"never came true: {expression}")
            page.wait_for_timeout(20)

    def behave(self, **what):
        self.server.behave.update({key: str(value) for key, value in what.items()})

    def incident(self, page):
        """The address of an open incident, as the queue links to it."""
        self.go(page, "#/incidents")
        link = page.query_selector(".queue a.line")
        if link is None:
            self.skipTest("the server has no open incident")
        return link.get_attribute("href")

    def assert_fits(self, page, what):
        """Nothing is wider than the page."""
        wide = page.evaluate("""() => {
            const edge = document.documentElement.clientWidth;
            return [...document.querySelectorAll("body *")].filter((one) =>
                one.getBoundingClientRect().right > edge + 1 && !one.closest(".sr, thead, svg")
                && one.getBoundingClientRect().width > 1)
                .map((one) => `${one.tagName}.${one.className} ${one.textContent.slice(0, 40)}`)
                .slice(0, 4);
        }""")
        self.assertEqual(wide, [], what)
        self.assertTrue(page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"), what)
