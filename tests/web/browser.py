# SPDX-License-Identifier: Apache-2.0
"""What the tests of HTML reports share: the pages, and a chromium without a network that tells of everything it asks for."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True

CHROMIUM = "/usr/bin/chromium"
DRIVER = "/usr/bin/chromedriver"
EXIT_SKIPPED = 77
DEADLINE_MS = 20_000  # not an expectation: the machine may be loaded

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
except ImportError:
    webdriver = None

# Counts what the page's own policy refuses, from the first byte on.
WATCH = "window.__violations = [];" \
        "document.addEventListener('securitypolicyviolation', e => window.__violations.push(e.violatedDirective));"


def obstacle() -> str | None:
    if webdriver is None:
        return "python3-selenium is not installed: sudo scripts/setup --test"
    for program in (CHROMIUM, DRIVER):
        if not os.path.exists(program):
            return f"{program} is not installed: sudo scripts/setup --test"
    return None


def start_browser(scripts: bool = True):
    options = Options()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars",
                     "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking",
                     "--disable-component-update", "--no-first-run"):
        options.add_argument(argument)
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(service=Service(DRIVER), options=options)
    browser.set_window_size(1280, 900)
    browser.set_script_timeout(60)
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    return browser


class PageCase(unittest.TestCase):
    """One browser and one set of pages for all cases of a class."""

    scripts = True

    @classmethod
    def setUpClass(cls) -> None:
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        cls.directory = cls.stack.enter_context(tempfile.TemporaryDirectory(prefix="tcpdiag-web-"))
        subprocess.run([os.environ["MAKE_PAGES"], cls.directory], check=True, timeout=120)
        cls.browser = start_browser(cls.scripts)
        cls.stack.callback(cls.browser.quit)
        cls.pages = sorted(name.removesuffix(".html") for name in os.listdir(cls.directory))

    def setUp(self) -> None:
        self.emulate()
        self.size(1280)

    # --- The browser ---

    def url(self, page: str) -> str:
        return f"file://{self.directory}/{page}.html"

    def open(self, page: str) -> None:
        """Opens it and checks what holds for every page: nothing asked for, nothing refused, no error."""
        for kind in ("browser", "performance"):
            self.browser.get_log(kind)
        self.browser.get("about:blank")
        self.browser.get(self.url(page))
        self.check_quiet(page, just_opened=True)

    def check_quiet(self, page: str, just_opened: bool = False) -> None:
        messages = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        self.assertLessEqual(set(asked), {self.url(page), "about:blank"}, "asked for something else than itself")
        if just_opened:
            self.assertIn(self.url(page), asked, "the log of requests works")
        self.assertEqual(self.browser.get_log("browser"), [])
        if self.scripts:
            self.assertEqual(self.js("return window.__violations"), [])

    def js(self, script: str, *arguments):
        return self.browser.execute_script(script, *arguments)

    def wait_until(self, condition: str) -> None:
        """For an expression of JavaScript: what the browser tells the page comes some time later."""
        reached = self.js(f"""return new Promise(done => {{
            const deadline = performance.now() + {DEADLINE_MS};
            const look = () => ({condition}) ? done(true) : performance.now() > deadline ? done(false) : setTimeout(look, 10);
            look();
        }})""")
        self.assertTrue(reached, f"waited in vain for: {condition}")

    def size(self, width: int, height: int = 900) -> None:
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                     {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def emulate(self, medium: str = "", scheme: str = "light") -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": features})

    def report(self) -> dict:
        """What the charts are made of, as it stands in the page."""
        return json.loads(self.js("return document.getElementById('report').textContent"))

    def chart(self, element: str) -> dict:
        """The data and the time axis of a chart, as the library holds them."""
        return self.js("""
            const chart = Chart.getChart(arguments[0]);
            return {sets: chart.data.datasets.map(set => ({key: set.key ?? set.label, label: set.label, data: set.data})),
                    min: chart.scales.x.min, max: chart.scales.x.max}""", element)


def main() -> None:
    reason = obstacle()
    if reason:
        print(f"skipped: {reason}", flush=True)
        sys.exit(1 if os.environ.get("TCPDIAG_REQUIRE_LIVE") == "1" else EXIT_SKIPPED)
    unittest.main(module="__main__", verbosity=2)
