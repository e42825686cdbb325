#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""HTML reports load by themselves: no request, nothing that their policy refuses, and no name becomes markup or script."""

import os
import time

from browser import PageCase, main

FULL_PAGE_S = 10.0  # a deadline, not an expectation
MOST_BYTES = 600_000
MOST_BYTES_EVER = 1_500_000


class Loading(PageCase):
    def test_every_page_loads_without_a_request_or_an_error(self):
        for page in self.pages:
            with self.subTest(page):
                self.open(page)
                self.assertEqual(self.js("return document.querySelectorAll('h1').length"), 1)
                self.assertEqual(self.js("return document.readyState"), "complete")

    def test_policy_admits_nothing_but_the_three_parts(self):
        self.open("story")
        policy = self.js("return document.querySelector('meta[http-equiv=Content-Security-Policy]').content")
        self.assertTrue(policy.startswith("default-src 'none'; "))
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("*", policy)
        self.assertEqual(policy.count("'sha256-"), 3)
        self.js("""
            window.refused = new Set();
            document.addEventListener('securitypolicyviolation', e => refused.add(e.effectiveDirective.split('-')[0]));
            const script = document.createElement('script');
            script.textContent = 'window.__pwned = 1';
            document.body.append(script);
            const image = document.createElement('img');
            image.src = 'data:image/gif;base64,R0lGODlhAQABAAAAACw=';
            document.body.append(image);
            const text = document.createElement('p');
            text.setAttribute('style', 'color: red');
            document.body.append(text);""")
        self.wait_until("refused.has('script') && refused.has('img') && refused.has('style')")
        self.assertIsNone(self.js("return window.__pwned ?? null"))

    def test_no_inline_style_or_handler(self):
        for page in self.pages:
            with self.subTest(page), open(os.path.join(self.directory, page + ".html"), encoding="utf-8") as file:
                markup = file.read().partition("<body>")[2].partition("<script")[0]
                self.assertNotRegex(markup, r"<[^>]*\s(style|on\w+)=")
                self.assertNotRegex(markup, r"<[^>]*\s(src|href)=\"(?!#)")

    def test_hostile_names_are_text(self):
        self.open("markup")
        self.assertIsNone(self.js("return window.__pwned ?? null"))
        self.assertEqual(self.js("return document.querySelectorAll('img, svg, iframe, object, link').length"), 0)
        self.assertEqual(self.js("return document.querySelectorAll('script').length"), 3)
        text = self.js("return document.body.innerText")
        self.assertIn('<img src=x onerror="window.__pwned=1">', text)
        self.assertIn("</script><script>window.__pwned=1</script>", text)
        self.assertIn("&lt;&#60;", text)
        self.assertIn(r"\xff\xc0\xaf\u202etxt.exe\u2028\x07<!--", text)
        # Also in what the script puts into the page.
        for select in ("time-endpoint", "histogram-endpoint"):
            self.assertGreater(self.js(f"return document.getElementById('{select}').options.length"), 0)
        self.assertIn("<img src=x", self.js("return document.querySelector('#zoom-findings button').title"))
        self.assertEqual(self.js("return document.querySelectorAll('option *, button *, figcaption *').length"), 0)
        self.assertIsNone(self.js("return window.__pwned ?? null"))

    def test_size_is_bounded(self):
        for page in self.pages:
            size = os.path.getsize(os.path.join(self.directory, page + ".html"))
            self.assertLess(size, MOST_BYTES_EVER if page == "large" else MOST_BYTES, page)

    def test_ten_thousand_endpoints_load_in_seconds(self):
        begin = time.monotonic()
        self.open("large")
        self.assertTrue(self.js("return Chart.getChart('chart-throughput') !== undefined"))
        self.assertLess(time.monotonic() - begin, FULL_PAGE_S)
        self.assertIn("more endpoints", self.js("return document.getElementById('endpoints').innerText"))

    def test_page_without_finding_and_without_endpoint(self):
        self.open("nothing_found")
        self.assertEqual(self.js("return document.querySelectorAll('.finding').length"), 0)
        self.assertIn("Nothing wrong seen in 1204 exchanges", self.js("return document.querySelector('.summary').innerText"))
        self.open("nothing_matched")
        self.assertEqual(self.js("return document.querySelectorAll('canvas').length"), 0)
        self.assertIn("10.0.0.5:6379", self.js("return document.getElementById('endpoints').innerText"))


if __name__ == "__main__":
    main()
