#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""HTML reports can be read: in the dark, on a phone, on paper, by keyboard, and without JavaScript."""

import base64

from browser import PageCase, main
from selenium.webdriver.common.keys import Keys

MOST_TABS = 400
A4_WIDTH = 718  # pixels (CSS), between margins of 1 cm

# Contrast (WCAG 2.1, 1.4.3) of every element with text of its own, against the nearest ground below it.
CONTRAST = """
    const parse = c => c.match(/[\\d.]+/g).map(Number);
    const light = c => {
        const [r, g, b] = parse(c).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = e => {
        for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor;
            if ((parse(c)[3] ?? 1) > 0) return c;
        }
        return 'rgb(255, 255, 255)';
    };
    const found = [];
    for (const e of document.querySelectorAll('body *')) {
        if (!e.checkVisibility() || e.disabled) continue;
        if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
        if (['SCRIPT', 'STYLE', 'NOSCRIPT', 'OPTION'].includes(e.tagName)) continue;
        const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
        found.push([(a + 0.05) / (b + 0.05), e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 30)]);
    }
    return found;"""


class Reading(PageCase):
    def check_contrast(self) -> None:
        found = self.js(CONTRAST)
        self.assertGreater(len(found), 30)
        self.assertEqual([entry for entry in found if entry[0] < 4.5], [])

    def test_light_and_dark_are_readable(self):
        for scheme, is_dark in (("light", False), ("dark", True)):
            self.emulate(scheme=scheme)
            for page in ("story", "lossy", "throttled_node", "nothing_found", "ipv6"):
                with self.subTest(page, scheme=scheme):
                    self.open(page)
                    ground = self.js("return getComputedStyle(document.body).backgroundColor")
                    self.assertEqual(max(map(int, ground[4:-1].split(", "))) < 64, is_dark, ground)
                    self.check_contrast()

    def test_charts_follow_a_change_of_scheme(self):
        self.open("story")
        colour = "Chart.getChart('chart-work').data.datasets[0].borderColor"
        light = self.js("return " + colour)
        self.emulate(scheme="dark")
        self.wait_until(f"{colour} !== '{light}'")

    def test_360_pixels_are_enough(self):
        self.size(360, 740)
        for page in self.pages:
            with self.subTest(page):
                self.open(page)
                self.js("for (const d of document.querySelectorAll('details')) d.open = true")
                self.assertLessEqual(self.js("return document.documentElement.scrollWidth"), 360)

    def test_every_control_is_reached_by_tab_in_order(self):
        self.open("story")
        wanted = self.js("""
            const all = 'a[href], button, select, input, summary, [tabindex="0"]';
            const list = [...document.querySelectorAll(all)].filter(e => e.checkVisibility() && !e.disabled);
            list.forEach((e, i) => e.dataset.order = i);
            return list.length;""")
        self.assertGreater(wanted, 30)
        self.js("document.body.focus()")
        reached = []
        body = self.browser.switch_to.active_element
        for _ in range(MOST_TABS):
            (body if not reached else self.browser.switch_to.active_element).send_keys(Keys.TAB)
            order, outlined = self.js("const e = document.activeElement, s = getComputedStyle(e);"
                                      "return [e.dataset.order ?? null, s.outlineStyle !== 'none' && s.outlineWidth !== '0px']")
            if order is None or int(order) in reached:
                break
            self.assertTrue(outlined, "one sees where the focus is")
            reached.append(int(order))
        self.assertEqual(reached, list(range(wanted)))

    def test_structure_for_a_screen_reader(self):
        for page in ("story", "throttled_node", "large"):
            self.open(page)
            wrong = self.js("""
                const bad = [];
                for (const t of document.querySelectorAll('table')) {
                    if (!t.caption || !t.caption.textContent.trim()) bad.push('no caption: ' + t.textContent.slice(0, 40));
                    for (const h of t.querySelectorAll('th')) if (!h.scope) bad.push('no scope: ' + h.textContent);
                }
                for (const c of document.querySelectorAll('canvas'))
                    if (c.checkVisibility() && !c.getAttribute('aria-label')) bad.push('no words: ' + c.id);
                for (const c of document.querySelectorAll('select, input'))
                    if (!c.labels.length) bad.push('no label: ' + c.id);
                const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
                for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) bad.push('twice: ' + id);
                for (const a of document.querySelectorAll('a')) if (!document.querySelector(a.getAttribute('href')))
                    bad.push('leads nowhere: ' + a.getAttribute('href'));
                let level = 0;
                for (const h of document.querySelectorAll('h1, h2, h3, h4')) {
                    const now = Number(h.tagName[1]);
                    if (now > level + 1) bad.push('skipped a level: ' + h.textContent);
                    level = now;
                }
                return bad;""")
            self.assertEqual(wrong, [], page)

    def test_a_story_is_a_ladder_with_directions_in_words(self):
        self.open("story")
        rows = self.js("return [...document.querySelector('#c1 table').tBodies[0].rows].map("
                       "r => [r.cells[2].className, r.cells[2].textContent])")
        ways = [row[0].split()[1] for row in rows if "way" in row[0] and len(row[0].split()) > 1]
        self.assertEqual(ways, ["here", "out", "out", "in", "out", "out", "in", "in", "here"])
        text = " ".join(row[1] for row in rows)
        for words in ("to the peer: SYN", "from the peer: SYN-ACK: established", "to the peer: request, 1412 B",
                      "29.8 s without a byte of an answer", "from the peer: RST, phase established", "closed: ECONNRESET"):
            self.assertIn(words, text)
        widths = self.js("return [...document.querySelectorAll('#c1 td.way')].map(c => Math.round(c.getBoundingClientRect().width))")
        self.assertEqual(len(set(widths)), 1, "the lifelines are straight")

    def test_a_link_opens_the_story_it_leads_to(self):
        self.open("story")
        closed = self.js("""
            const closed = document.querySelector('details.story:not([open])');
            location.hash = closed.id;
            return closed.id;""")
        self.wait_until(f"document.getElementById('{closed}').open")

    def test_on_paper_all_is_open_and_black_on_white(self):
        self.emulate(scheme="dark")
        self.open("story")
        closed = self.js("return document.querySelectorAll('details:not([open])').length")
        self.assertGreater(closed, 3)
        self.emulate("print", scheme="dark")
        self.wait_until("document.querySelectorAll('details:not([open], .numbers)').length === 0")
        self.assertEqual(self.js("return getComputedStyle(document.body).color"), "rgb(0, 0, 0)")
        self.assertEqual(self.js("return getComputedStyle(document.querySelector('.finding')).backgroundColor"),
                         "rgb(255, 255, 255)")
        self.assertFalse(self.js("return document.querySelector('.tools').checkVisibility()"))
        self.size(A4_WIDTH)
        self.assertLessEqual(self.js("return document.documentElement.scrollWidth"), A4_WIDTH, "nothing is cut off")
        colour = self.js("return Chart.getChart('chart-work').options.scales.x.ticks.color")
        self.assertEqual(colour, "#545d68", "of the light theme")
        self.assertTrue(self.js("return document.getElementById('chart-work').checkVisibility()"))
        pdf = base64.b64decode(self.browser.print_page())
        self.assertTrue(pdf.startswith(b"%PDF"))
        self.emulate(scheme="dark")
        self.wait_until(f"document.querySelectorAll('details:not([open])').length === {closed}")


class WithoutScripts(PageCase):
    scripts = False

    def test_text_and_tables_are_all_there(self):
        self.open("story")
        text = self.browser.find_element("tag name", "body").text
        for words in ("203.0.113.10:443 reset 12 connections", "12 of 1201 exchanges failed (1.0 %)", "Clients log",
                      "their log shows a response sent", "tcpdump -nvi any", "[peer]", "The charts need JavaScript",
                      "02:33:50.118", "SYN-ACK: established", "retransmit_syn", "Kernel counters"):
            self.assertIn(words, text)
        self.assertNotIn("Zoom in", text)


if __name__ == "__main__":
    main()
