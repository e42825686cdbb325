// SPDX-License-Identifier: Apache-2.0
// What every section of the HTML report is written with.
#include <algorithm>
#include <set>

#include "report/html.h"

namespace tcpdiag::report {

void Html::put_json(const Json& json) {
  // ASCII, so that no line separator (U+2028) is in it; "<" is found in strings only, where \u003c is the same.
  for (const char c : json_line(json)) {
    if (c == '<') {
      text_ += "\\u003c";
    } else {
      text_ += c;
    }
  }
}

HtmlTable::HtmlTable(Html& html, std::string_view caption, const std::vector<HtmlColumn>& columns) : html_(html) {
  html_.put("<div class=\"scroll{}\" role=\"region\" tabindex=\"0\"", columns.size() <= 3  ? " fit"
                                                                      : columns.size() > 9 ? " many"
                                                                                           : "");
  html_.put(" aria-label=\"{0}\"><table><caption>{0}</caption>", caption);
  html_.put("<thead><tr>");
  for (const HtmlColumn& column : columns) {
    is_number_.push_back(column.is_number);
    if (column.is_number) {
      html_.put("<th scope=\"col\" class=\"n\">{}</th>", column.heading);
    } else {
      html_.put("<th scope=\"col\">{}</th>", column.heading);
    }
  }
  html_.put("</tr></thead>\n<tbody>\n");
}

void HtmlTable::row(const std::vector<std::string>& cells) { row("", cells); }

void HtmlTable::row(std::string_view anchor, const std::vector<std::string>& cells) {
  html_.put("<tr>");
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i == 0) {
      put_heading(anchor, cells[i]);
    } else if (is_number_[i]) {
      html_.put("<td class=\"n\">{}</td>", cells[i]);
    } else {
      html_.put("<td>{}</td>", cells[i]);
    }
  }
  html_.put("</tr>\n");
}

void HtmlTable::put_heading(std::string_view anchor, std::string_view text) {
  if (is_number_.front()) {
    html_.put("<th scope=\"row\" class=\"n\">");
  } else {
    html_.put("<th scope=\"row\">");
  }
  if (anchor.empty()) {
    html_.put("{}</th>", text);
  } else {
    html_.put("<a href=\"#{}\">{}</a></th>", anchor, text);
  }
}

void HtmlTable::end(std::size_t left_out, std::string_view of_what) {
  html_.put("</tbody></table></div>\n");
  if (left_out > 0) html_.put("<p class=\"more\">and {} more {}, in the JSON report</p>\n", left_out, of_what);
}

HtmlStories::HtmlStories(const model::Report& report, std::size_t limit) {
  shown_ = failures(report, limit).shown;
  const std::set<std::size_t> failed(shown_.begin(), shown_.end());
  for (std::size_t i = 0; i < report.picture.sockets.size() && shown_.size() < limit; ++i) {
    if (!failed.contains(i)) shown_.push_back(i);
  }
}

std::string HtmlStories::anchor(std::size_t socket) const {
  const auto found = std::find(shown_.begin(), shown_.end(), socket);
  return found == shown_.end() ? std::string() : fmt::format("c{}", found - shown_.begin() + 1);
}

std::string owner_words(const model::SocketStory& story) {
  if (!story.owner) return std::string(kUnknown);
  const std::string comm = story.owner->comm.empty() ? "?" : story.owner->comm;
  return story.owner->pid == 0 ? comm : fmt::format("{} {}", comm, story.owner->pid);
}

}  // namespace tcpdiag::report
