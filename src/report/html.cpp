// SPDX-License-Identifier: Apache-2.0
// A document as one page to attach to a ticket: read by people who were not there, years later and offline, so it
// carries everything it needs and asks nobody for anything. Its Content-Security-Policy admits the parts of web/ by
// their hashes and nothing else: whatever a process calls itself, it cannot become script, style or a request.
#include "report/html.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "report/render.h"

namespace tcpdiag::report {

void Html::put_json(std::string_view json) {
  for (const char c : json) {
    if (c == '<') {
      text_ += "\\u003c";
    } else {
      text_ += c;
    }
  }
}

namespace {

const char* mit_licence() {
  return "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated "
         "documentation files (the \"Software\"), to deal in the Software without restriction, including without "
         "limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of "
         "the "
         "Software, and to permit persons to whom the Software is furnished to do so, subject to the following "
         "conditions:\n\nThe above copyright notice and this permission notice shall be included in all copies or "
         "substantial portions of the Software.\n\nTHE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, "
         "EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR "
         "PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, "
         "DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN "
         "CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.";
}

const char* class_of(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kMuted:
      return "muted";
    case Style::kHeading:
      return "notice";
    case Style::kWarning:
      return "warning";
    case Style::kCritical:
      return "critical";
  }
  return "";
}

class HtmlRenderer {
 public:
  enum class Part : std::uint8_t { kHead, kBody };
  explicit HtmlRenderer(Part part) : is_summary_(part == Part::kHead) {}

  void put(const std::vector<Node>& nodes) {
    for (const Node& node : nodes) std::visit(*this, node.content);
  }

  void operator()(const Paragraph& paragraph) {
    if (is_summary_) {
      html_.put("<p class=\"summary {}\">{}</p>\n", class_of(paragraph.style), paragraph.text.text);
    } else if (paragraph.style == Style::kPlain) {
      html_.put("<p>{}</p>\n", paragraph.text.text);
    } else {
      html_.put("<p class=\"{}\">{}</p>\n", class_of(paragraph.style), paragraph.text.text);
    }
  }

  void operator()(const List& list) {
    put_items(list.items);
    put_more(list.more);
  }

  void operator()(const Facts& facts) {
    html_.put("<dl class=\"{}\">\n", facts.is_header ? "facts" : "parts");
    for (const Fact& fact : facts.facts) {
      if (facts.is_header) {
        put_header_fact(fact);
      } else {
        html_.put("<dt>{}</dt><dd>", fact.label);
        put_fact(fact);
        html_.put("</dd>\n");
      }
    }
    html_.put("</dl>\n");
  }

  void operator()(const Table& table);
  void operator()(const Ladder& ladder);
  void operator()(Drawing drawing);

  void operator()(const Bars& bars) {
    html_.put("<pre>");
    for (const std::string& line : text_lines(bars)) html_.put("{}\n", line);
    html_.put("</pre>\n");
  }

  void operator()(const Section& section) {
    switch (section.kind) {
      case Section::Kind::kChapter:
        chapters_.push_back(&section);
        html_.put("<section id=\"{}\"><h2>{}</h2>\n", section.id, section.heading.text);
        put(section.nodes);
        html_.put("</section>\n");
        break;
      case Section::Kind::kFinding:
        html_.put("<article class=\"finding {}\" id=\"{}\">\n<h3>{}</h3>\n", class_of(section.style), section.id,
                  section.heading.text);
        put_marks(section);
        put(section.nodes);
        html_.put("</article>\n");
        break;
      case Section::Kind::kFolded:
        put_folded(section);
        break;
    }
  }

  const std::vector<const Section*>& chapters() const { return chapters_; }
  Html take() { return std::move(html_); }

 private:
  void put_items(const std::vector<std::string>& items) {
    html_.put("<ul>\n");
    for (const std::string& item : items) html_.put("<li>{}</li>\n", item);
    html_.put("</ul>\n");
  }

  void put_more(const std::string& more) {
    if (!more.empty()) html_.put("<p class=\"more\">{}</p>\n", more);
  }

  void put_marks(const Section& section) {
    if (section.marks.empty()) return;
    html_.put("<p class=\"marks\"><span class=\"severity\">{}</span>", section.marks.front());
    html_.put("<code>{}</code>", section.code);
    for (std::size_t i = 1; i < section.marks.size(); ++i) html_.put("<span>{}</span>", section.marks[i]);
    html_.put("</p>\n");
  }

  // What has an id is a story; links lead to it.
  void put_folded(const Section& section) {
    if (section.id.empty()) {
      html_.put("<details");
    } else {
      html_.put("<details class=\"story\" id=\"{}\"", section.id);
    }
    html_.put("{}", section.is_open ? " open" : "");
    html_.put("><summary>{}</summary>\n", section.heading.text);
    put(section.nodes);
    html_.put("</details>\n");
  }

  void put_header_fact(const Fact& fact) {
    constexpr std::size_t kNarrow = 70;  // characters
    if (!fact.command.empty()) {
      html_.put("<div class=\"wide\"><dt>{}</dt><dd><code>{}</code></dd></div>\n", fact.label, fact.command);
    }
    for (const Words& words : fact.texts) {
      html_.put("<div class=\"{}\"><dt>{}</dt><dd>{}</dd></div>\n", words.text.size() > kNarrow ? "wide" : "one",
                fact.label, words.text);
    }
  }

  void put_fact(const Fact& fact) {
    if (fact.texts.size() == 1 && fact.anchors.empty()) put_text(fact.texts.front().text, fact.moments);
    if (fact.texts.size() > 1 || !fact.anchors.empty()) put_texts(fact);
    if (!fact.rows.empty()) put_rows(fact);
    if (!fact.actions.empty()) put_actions(fact.actions);
    if (!fact.command.empty()) html_.put("<pre><code>{}</code></pre>", fact.command);
    if (!fact.links.empty()) put_links(fact.links);
  }

  // With its moments marked, which stand in it in this order.
  void put_text(std::string_view text, const std::vector<Moment>& moments) {
    for (const Moment& moment : moments) {
      const std::size_t at = text.find(moment.shown);
      if (at == std::string_view::npos) continue;
      html_.put("{}<time datetime=\"{}\">{}</time>", text.substr(0, at), moment.rfc3339, moment.shown);
      text.remove_prefix(at + moment.shown.size());
    }
    html_.put("{}", text);
  }

  void put_texts(const Fact& fact) {
    html_.put("<ul>");
    for (std::size_t i = 0; i < fact.texts.size(); ++i) {
      if (i < fact.anchors.size()) {
        html_.put("<li id=\"{}\">{}</li>", fact.anchors[i], fact.texts[i].text);
      } else {
        html_.put("<li>{}</li>", fact.texts[i].text);
      }
    }
    html_.put("</ul>");
  }

  void put_rows(const Fact& fact) {
    html_.put("<div class=\"evidence\"><table><caption class=\"only-read\">{}</caption><tbody>\n", fact.label);
    for (const auto& [label, value] : fact.rows) {
      html_.put("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", label, value);
    }
    html_.put("</tbody></table></div>");
  }

  void put_actions(const std::vector<Action>& actions) {
    html_.put("<ol>\n");
    for (const Action& action : actions) {
      html_.put("<li>{} <span class=\"whose\">[{}]</span>", action.text, action.whose);
      if (!action.command.empty()) html_.put("<pre><code>{}</code></pre>", action.command);
      html_.put("</li>\n");
    }
    html_.put("</ol>");
  }

  void put_links(const std::vector<Link>& links) {
    html_.put("<ul class=\"links\">");
    for (const Link& link : links) {
      if (link.anchor.empty()) {
        html_.put("<li>{}</li>", link.text);
      } else {
        html_.put("<li><a href=\"#{}\">{}</a></li>", link.anchor, link.text);
      }
    }
    html_.put("</ul>");
  }

  void put_heading(const Column& column) {
    const std::string unit = column.unit.empty() ? "" : fmt::format(" ({})", column.unit);
    if (column.align == Align::kLeft) {
      html_.put("<th scope=\"col\">{}{}</th>", column.heading.text, unit);
    } else {
      html_.put("<th scope=\"col\" class=\"n\">{}{}</th>", column.heading.text, unit);
    }
  }

  // The first cell of a row is its heading.
  void put_first_cell(const Column& column, const Row& row) {
    if (column.align == Align::kLeft) {
      html_.put("<th scope=\"row\">");
    } else {
      html_.put("<th scope=\"row\" class=\"n\">");
    }
    if (row.anchor.empty()) {
      html_.put("{}</th>", row.cells.front().words.text);
    } else {
      html_.put("<a href=\"#{}\">{}</a></th>", row.anchor, row.cells.front().words.text);
    }
  }

  void put_cell(const Column& column, const Cell& cell) {
    if (column.is_bar) {
      html_.put("<td><meter aria-hidden=\"true\" value=\"{:.4f}\"></meter> {}</td>", cell.share, cell.words.text);
    } else if (column.align == Align::kLeft) {
      html_.put("<td>{}</td>", cell.words.text);
    } else {
      html_.put("<td class=\"n\">{}</td>", cell.words.text);
    }
  }

  void put_remarks(const Row& row) {
    html_.put("<td>");
    const char* before = "";
    for (const Remark& remark : row.remarks) {
      html_.put("{}{}{}", before, remark.label.empty() ? "" : remark.label + ": ", remark.text.text);
      before = "; ";
    }
    html_.put("</td>");
  }

  void put_ladder_row(const LadderRow& row);

  Html html_;
  bool is_summary_;  // what stands below the title
  std::vector<const Section*> chapters_;
};

// In a box of its own, in which it may be moved sideways.
void HtmlRenderer::operator()(const Table& table) {
  const auto any = [&](auto has) { return std::any_of(table.rows.begin(), table.rows.end(), has); };
  const bool has_groups = any([](const Row& row) { return !row.group.empty(); });
  const bool has_remarks = any([](const Row& row) { return !row.remarks.empty(); });
  const std::size_t columns = table.columns.size() + (has_groups ? 1 : 0) + (has_remarks ? 1 : 0);
  html_.put("<div class=\"scroll{}\" role=\"region\" tabindex=\"0\"", columns <= 3  ? " fit"
                                                                      : columns > 9 ? " many"
                                                                                    : "");
  html_.put(" aria-label=\"{0}\"><table><caption>{0}</caption><thead><tr>", table.title.text);
  if (has_groups) html_.put("<th scope=\"col\">{}</th>", table.group_heading);
  for (const Column& column : table.columns) put_heading(column);
  if (has_remarks) html_.put("<th scope=\"col\">{}</th>", table.remark_heading);
  html_.put("</tr></thead>\n<tbody>\n");
  for (const Row& row : table.rows) {
    if (row.style == Style::kPlain) {
      html_.put("<tr>");
    } else {
      html_.put("<tr class=\"{}\">", class_of(row.style));
    }
    if (has_groups) html_.put("<td>{}</td>", row.group);
    put_first_cell(table.columns.front(), row);
    for (std::size_t i = 1; i < table.columns.size(); ++i) {
      put_cell(table.columns[i], i < row.cells.size() ? row.cells[i] : Cell());
    }
    if (has_remarks) put_remarks(row);
    html_.put("</tr>\n");
  }
  html_.put("</tbody></table></div>\n");
  for (const Words& note : table.notes) html_.put("<p class=\"muted\">{}</p>\n", note.text);
  put_more(table.more.text);
}

void HtmlRenderer::put_ladder_row(const LadderRow& row) {
  constexpr std::array<std::string_view, 3> kClasses = {"here", "out", "in"};
  constexpr std::array<std::string_view, 3> kRead = {"here: ", "to the peer: ", "from the peer: "};
  if (row.time.empty()) {
    html_.put("<tr class=\"pause\"><td></td><td></td><td class=\"way\"><span class=\"words\">{}</span></td></tr>\n",
              row.words);
    return;
  }
  const auto way = static_cast<std::size_t>(row.way);
  html_.put("<tr><td class=\"n\">{}</td><td class=\"n\">{}</td>", row.time, row.since);
  html_.put("<td class=\"way {}{}\"><span class=\"words\"><span class=\"only-read\">{}</span>{}</span>", kClasses[way],
            row.is_bad ? " bad" : "", kRead[way], row.words);
  html_.put("<span class=\"line\"></span></td></tr>\n");
}

// A table, which reads well without its lines too: a screen reader hears time, pause, direction and words.
void HtmlRenderer::operator()(const Ladder& ladder) {
  html_.put("<div class=\"scroll evidence\" role=\"region\" tabindex=\"0\" aria-label=\"Story of {}\">", ladder.here);
  html_.put("<table class=\"ladder\"><caption>{}</caption>\n", ladder.title);
  html_.put(
      "<thead><tr><th scope=\"col\" class=\"n\">time, UTC</th><th scope=\"col\" class=\"n\">since the last</th>"
      "<th scope=\"col\"><span class=\"ends\"><span>this host {}</span><span>peer "
      "{}</span></span></th></tr></thead>\n<tbody>\n",
      ladder.here, ladder.peer);
  for (const LadderRow& row : ladder.rows) put_ladder_row(row);
  html_.put("</tbody></table></div>\n");
}

void HtmlRenderer::operator()(Drawing drawing) {
  if (drawing == Drawing::kHistograms) {
    html_.put(
        "<div id=\"histograms\" hidden>\n"
        "<div class=\"tools\" role=\"group\" aria-label=\"Histogram\">\n"
        "<label>Endpoint <select id=\"histogram-endpoint\"></select></label>\n"
        "<label>Measure <select id=\"histogram-measure\"></select></label>\n"
        "</div>\n"
        "<figure><figcaption id=\"histogram-words\"></figcaption>\n"
        "<div class=\"plot tall\"><canvas id=\"chart-histogram\" role=\"img\"></canvas></div>\n"
        "<details class=\"numbers\"><summary>Numbers of the histogram</summary>\n"
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Buckets\" id=\"buckets\"></div></details>\n"
        "</figure>\n"
        "</div>\n");
    return;
  }
  html_.put(
      "<noscript><p class=\"muted\">The charts need JavaScript; the tables of this page hold their "
      "figures.</p></noscript>\n");
  html_.put(
      "<div id=\"time-charts\" hidden>\n"
      "<div class=\"tools\" role=\"group\" aria-label=\"Range of time of all charts\">\n"
      "<label id=\"time-endpoint-label\">Endpoint <select id=\"time-endpoint\"></select></label>\n"
      "<button type=\"button\" id=\"zoom-in\">Zoom in</button>\n"
      "<button type=\"button\" id=\"zoom-out\">Zoom out</button>\n"
      "<button type=\"button\" id=\"earlier\">Earlier</button>\n"
      "<button type=\"button\" id=\"later\">Later</button>\n"
      "<button type=\"button\" id=\"zoom-all\">Whole trace</button>\n"
      "<span id=\"zoom-findings\" class=\"links\"></span>\n"
      "<label id=\"logarithmic-label\"><input type=\"checkbox\" id=\"logarithmic\"> delays logarithmic</label>\n"
      "<output id=\"range\" aria-live=\"polite\"></output>\n"
      "</div>\n"
      "<p class=\"muted no-print\">Drag over a chart to zoom all of them to that time; a double click shows the whole "
      "trace. The bars above a chart are the times of findings.</p>\n"
      "<p id=\"no-series\" class=\"muted\" hidden>Nothing was measured over time at this endpoint.</p>\n"
      "<div id=\"plots\"></div>\n"
      "</div>\n");
}

// --- The page ---

void put_head(Html& html, const Document& document) {
  html.put("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
  html.put("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; ",
           html_style().hash);
  if (!document.data.empty()) html.put("script-src '{}' '{}'; ", html_charts().hash, html_script().hash);
  html.put("base-uri 'none'; form-action 'none'\">\n");
  html.put("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
  html.put("<meta name=\"color-scheme\" content=\"light dark\">\n");
  html.put("<title>{} ({})</title>\n<style>", document.title, document.kicker);
  html.put_part(html_style());
  html.put("</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#content\">Skip to the findings</a>\n");
}

void put_navigation(Html& html, const std::vector<const Section*>& chapters) {
  if (chapters.empty()) return;
  html.put("<nav aria-label=\"Sections\"><ul>\n");
  for (const Section* section : chapters) {
    html.put("<li><a href=\"#{}\">{}</a></li>\n", section->id,
             section->short_heading.empty() ? section->heading.text : section->short_heading);
  }
  html.put("</ul></nav>\n");
}

void put_footer(Html& html, const Document& document) {
  html.put(
      "<footer>\n<p>This page holds all it shows: it loads nothing and sends nothing. The whole report is in the JSON "
      "format (<code>--format json</code>).</p>\n");
  if (!document.data.empty()) {
    html.put(
        "<details class=\"no-print\"><summary>Licence of Chart.js, which draws the charts</summary>\n"
        "<p>Chart.js, \u00a9 2014-2022 Chart.js Contributors, with @kurkle/color, \u00a9 Jukka Kurkela. MIT "
        "licence:</p>"
        "<pre>{}</pre></details>\n",
        mit_licence());
  }
  html.put("</footer>\n");
}

void put_scripts(Html& html, const Document& document) {
  if (document.data.empty()) return;
  html.put("<div class=\"paper\" hidden></div>\n<script type=\"application/json\" id=\"report\">");
  html.put_json(document.data);
  html.put("</script>\n<script>");
  html.put_part(html_charts());
  html.put("</script>\n<script>");
  html.put_part(html_script());
  html.put("</script>\n");
}

}  // namespace

std::string render_html(const Document& document) {
  HtmlRenderer header(HtmlRenderer::Part::kHead);
  header.put(document.head);
  HtmlRenderer body(HtmlRenderer::Part::kBody);
  body.put(document.body);

  Html page;
  put_head(page, document);
  page.put("<header>\n<p class=\"kicker\">{}</p>\n<h1>{}</h1>\n", document.kicker, document.title);
  page.append(header.take());
  page.put("</header>\n");
  put_navigation(page, body.chapters());
  page.put("<main id=\"content\" tabindex=\"-1\">\n");
  page.append(body.take());
  page.put("</main>\n");
  put_footer(page, document);
  put_scripts(page, document);
  page.put("</body>\n</html>\n");
  return page.take();
}

}  // namespace tcpdiag::report
