#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The charts of HTML reports hold the report's values, tell them in words and tables too, and move together."""

from browser import PageCase, main
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

CHARTS = ["chart-throughput", "chart-work", "chart-delays", "chart-trouble"]


class Charts(PageCase):
    def press(self, element: str) -> None:
        """By keyboard."""
        self.js("document.getElementById(arguments[0]).focus()", element)
        self.browser.switch_to.active_element.send_keys(Keys.ENTER)

    def ranges(self) -> set[tuple[float, float]]:
        return {(chart["min"], chart["max"]) for chart in map(self.chart, CHARTS)}

    def the_range(self) -> tuple[float, float]:
        ranges = self.ranges()
        self.assertEqual(len(ranges), 1, "all charts show the same time")
        return ranges.pop()

    def test_time_charts_hold_the_values_of_the_report(self):
        self.open("story")
        report = self.report()
        series = report["endpoints"][0]["series"]
        compared = 0
        for spec in report["charts"]:
            sets = {entry["key"]: entry["data"] for entry in self.chart("chart-" + spec["id"])["sets"]}
            self.assertEqual(set(sets), {line["key"] for line in spec["lines"] if line["key"] in series})
            for line in spec["lines"]:
                if line["key"] not in series:
                    continue
                scale = line["factor"] / (series["interval_s"] if line["per_second"] else 1)
                for i, value in enumerate(series[line["key"]]):
                    point = sets[line["key"]][i]
                    self.assertAlmostEqual(point["x"], series["start_offset_us"] / 1e6 + (i + 0.5) * series["interval_s"])
                    if value is None:
                        self.assertIsNone(point["y"], "what was not measured is a gap")
                    else:
                        self.assertAlmostEqual(point["y"], value * scale)
                    compared += 1
        self.assertGreater(compared, 10_000)

    def test_histogram_holds_the_buckets_of_the_report_and_of_its_table(self):
        self.open("story")
        histograms = self.report()["endpoints"][0]["histograms"]
        measures = self.js("return [...document.getElementById('histogram-measure').options].map(o => o.value)")
        self.assertEqual(set(measures), set(histograms))
        for measure in measures:
            self.js("""const select = document.getElementById('histogram-measure');
                select.value = arguments[0];
                select.dispatchEvent(new Event('change'));""", measure)
            (entry,) = self.chart("chart-histogram")["sets"]
            counted = [(p["low"], p["high"], p["y"]) for p in entry["data"] if "low" in p]
            self.assertEqual(counted, [tuple(bucket) for bucket in histograms[measure]["buckets"]])
            self.assertEqual(sum(n for _, _, n in counted), histograms[measure]["count"])
            self.assertTrue(all(p["y"] == 0 for p in entry["data"] if "low" not in p), "between buckets there is nothing")
            rows = self.js("return [...document.querySelectorAll('#buckets tbody tr')].map(r => "
                           "[...r.cells].map(c => Number(c.textContent)))")
            self.assertEqual([tuple(row) for row in rows], counted)
            label = self.js("return document.getElementById('chart-histogram').getAttribute('aria-label')")
            self.assertIn(f"{histograms[measure]['count']} samples", label)

    def test_table_of_percentiles_says_what_the_chart_marks(self):
        self.open("story")
        rows = dict(self.js("return [...document.querySelectorAll('#delays > .scroll tbody tr')].map(r => "
                            "[r.cells[0].textContent, [...r.cells].slice(2).map(c => c.textContent)])"))
        self.assertEqual(rows["first_byte"], ["410 ms", "410 ms", "410 ms", "2.9 s", "2.9 s", "1204"])
        self.assertEqual(self.report()["endpoints"][0]["histograms"]["first_byte"]["count"], 1204)

    def test_zoom_by_keyboard_moves_all_charts(self):
        self.open("story")
        whole = self.the_range()
        self.assertEqual(whole, (0, 2472.876))
        words = self.js("return document.getElementById('range').value")
        self.press("zoom-in")
        zoomed = self.the_range()
        self.assertAlmostEqual(zoomed[1] - zoomed[0], 2472.876 / 2)
        self.assertNotEqual(self.js("return document.getElementById('range').value"), words)
        self.press("later")
        later = self.the_range()
        self.assertGreater(later[0], zoomed[0])
        self.assertLessEqual(later[1], whole[1])
        self.press("earlier")
        self.press("earlier")
        self.assertEqual(self.the_range()[0], 0)
        focused = self.js("return document.activeElement.id")
        self.assertEqual(focused, "zoom-in", "a button that cannot be pressed any more hands the focus on")
        self.press("zoom-all")
        self.assertEqual(self.the_range(), whole)
        for _ in range(12):
            self.press("zoom-in")
        self.assertGreaterEqual(self.the_range()[1] - self.the_range()[0], 2472.876 * 0.0099, "not endlessly")
        self.check_quiet("story")

    def test_zoom_to_a_finding(self):
        self.open("story")
        finding = self.report()["findings"][1]
        self.js("document.querySelectorAll('#zoom-findings button')[1].click()")
        low, high = self.the_range()
        self.assertLess(low, finding["first_s"])
        self.assertGreater(high, finding["last_s"])
        self.assertLess(high - low, 2 * (finding["last_s"] - finding["first_s"]))

    def test_drag_zooms_to_what_was_dragged_over(self):
        self.open("story")
        canvas = self.browser.find_element(By.ID, "chart-work")
        self.js("arguments[0].scrollIntoView({block: 'center'})", canvas)
        expected = self.js("""const x = Chart.getChart('chart-work').scales.x, box = arguments[0].getBoundingClientRect();
            return [-100, 100].map(dx => x.getValueForPixel(box.width / 2 + dx))""", canvas)
        ActionChains(self.browser).move_to_element_with_offset(canvas, -100, 0).click_and_hold() \
            .move_to_element_with_offset(canvas, 100, 0).release().perform()
        low, high = self.the_range()
        self.assertAlmostEqual(low, expected[0], delta=10)
        self.assertAlmostEqual(high, expected[1], delta=10)
        ActionChains(self.browser).double_click(canvas).perform()
        self.assertEqual(self.the_range(), (0, 2472.876))

    def test_charts_are_told_in_words_and_numbers(self):
        self.open("story")
        for chart in CHARTS:
            label = self.js("return document.getElementById(arguments[0]).getAttribute('aria-label')", chart)
            self.assertRegex(label, r"of 203\.0\.113\.10:443 outbound, .* UTC\. .*: mean [\d.]+, most [\d.]+ at \d\d:\d\d:\d\d")
        self.press("zoom-in")
        self.js("document.querySelector('#plots details').open = true")
        self.wait_until("document.querySelector('#plots details table') !== null")
        rows = self.js("return [...document.querySelector('#plots details table').tBodies[0].rows].map("
                       "r => [...r.cells].map(c => c.textContent))")
        low, high = self.the_range()
        data = self.chart("chart-throughput")["sets"][0]["data"]
        shown = [point for point in data if low <= point["x"] <= high]
        self.assertEqual(len(rows), min(len(shown), 500))
        for row, point in zip(rows, shown):
            self.assertAlmostEqual(float(row[1]), point["y"], delta=0.05 * max(point["y"], 0.01))

    def test_another_endpoint_has_its_own_charts(self):
        self.open("large")
        self.js("""const select = document.getElementById('time-endpoint');
            select.selectedIndex = 1;
            select.dispatchEvent(new Event('change'));""")
        name = self.report()["endpoints"][1]["name"]
        label = self.js("return document.getElementById('chart-work').getAttribute('aria-label')")
        self.assertIn(name, label)
        self.check_quiet("large")

    def test_logarithmic_delays(self):
        self.open("queueing")
        self.js("document.getElementById('logarithmic').click()")
        kinds = [self.js(f"return Chart.getChart('{chart}').scales.y.type") for chart in CHARTS]
        self.assertEqual(kinds, ["linear", "linear", "logarithmic", "linear"])
        self.check_quiet("queueing")

    def test_times_are_those_of_utc(self):
        self.open("story")
        ticks = self.js("return Chart.getChart('chart-work').scales.x.ticks.map(t => t.label)")
        self.assertGreater(len(ticks), 3)
        self.assertEqual(ticks[0], "02:35:00")
        self.open("queueing")
        ticks = self.js("return Chart.getChart('chart-work').scales.x.ticks.map(t => t.label)")
        self.assertIn("11-22 00:00:00", ticks, "over midnight with the date")


if __name__ == "__main__":
    main()
