// SPDX-License-Identifier: Apache-2.0
// The answer of `tcpdiag doctor`: what is there in one row each, what is missing with a hint, and the verdict, which
// on a terminal is last, where it stands above the next prompt.
#include <fmt/format.h>

#include <algorithm>

#include "report/doctor.h"
#include "report/layout.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

constexpr std::size_t kNameColumns = 34;

struct GroupWords {
  doctor::Group group;
  const char* id;
  const char* heading;
  const char* text_heading;
};
constexpr GroupWords kGroups[] = {{doctor::Group::kKernel, "kernel", "Kernel", "KERNEL"},
                                  {doctor::Group::kPrivileges, "privileges", "Privileges", "PRIVILEGES"},
                                  {doctor::Group::kHost, "host", "Host", "HOST"}};

bool is_no(const doctor::Row& row) { return row.answer == doctor::Answer::kNo; }

// A required "no" ends everything; a note is no loss for most.
Style style_of(const doctor::Row& row) {
  if (!is_no(row) || row.weight == doctor::Weight::kNote) return Style::kPlain;
  return row.weight == doctor::Weight::kRequired ? Style::kCritical : Style::kWarning;
}

const char* mark(const doctor::Row& row) {
  switch (row.answer) {
    case doctor::Answer::kYes:
      return "yes";
    case doctor::Answer::kNo:
      return row.weight == doctor::Weight::kNote ? "no" : "NO";
    case doctor::Answer::kUnknown:
      return "?";
  }
  return "?";
}

Row row_of(const doctor::Row& row) {
  Row out{{mark(row), Words(row.name, elide_middle(escape_terminal(row.name), kNameColumns - 1)), row.found}};
  out.style = style_of(row);
  if (row.answer == doctor::Answer::kYes) return out;
  if (!row.lost.empty()) out.remarks.push_back({"lost", row.lost});
  if (!row.hint.empty()) out.remarks.push_back({"hint", row.hint});
  return out;
}

// Of a kernel of which nothing could be found out a line for each feature would say nothing.
bool says_nothing(const doctor::Row& row) { return row.answer == doctor::Answer::kUnknown && row.found.empty(); }

Section group_of(const doctor::Examination& examination, const GroupWords& words) {
  Table table;
  table.columns = {{"", Align::kLeft, 7}, {"what", Align::kLeft, kNameColumns}, {"found"}};
  table.columns.back().wraps = true;
  table.labels = 2;
  table.remark_indent = 7;
  table.has_headings = false;
  table.title = words.heading;
  table.remark_heading = "lost without it, and the hint";
  std::size_t unsaid = 0;
  for (const doctor::Row& row : examination.rows) {
    if (row.group != words.group) continue;
    if (says_nothing(row)) {
      ++unsaid;
    } else {
      table.rows.push_back(row_of(row));
    }
  }
  if (unsaid > 0) table.more = fmt::format("?    and {} more, of which nothing is known", unsaid);
  Section section;
  section.id = words.id;
  section.heading = Words(words.heading, words.text_heading);
  section.nodes.emplace_back(std::move(table), true);
  return section;
}

Style style_of(doctor::Readiness verdict) {
  if (verdict == doctor::Readiness::kCannot) return Style::kCritical;
  return verdict == doctor::Readiness::kDegraded ? Style::kWarning : Style::kHeading;
}

}  // namespace

Document doctor_document(const doctor::Examination& examination, const DoctorHeader& header, Extent extent) {
  const model::HostInfo& host = examination.machine.host;
  Document document;
  document.title = fmt::format("tcpdiag {} on {}", header.tool_version, host.hostname.empty() ? "?" : host.hostname);
  document.kicker = "tcpdiag doctor";
  document.banner = {document.title, Style::kHeading};
  const Paragraph answer{examination.answer, style_of(examination.verdict)};
  if (extent != Extent::kScreen) document.head.emplace_back(answer);
  for (const GroupWords& group : kGroups) document.body.emplace_back(group_of(examination, group));
  const bool has_unknown = std::any_of(examination.rows.begin(), examination.rows.end(),
                                       [](const doctor::Row& row) { return row.answer == doctor::Answer::kUnknown; });
  if (has_unknown && examination.machine.privileges.uid != 0) {
    document.body.emplace_back(Paragraph{"Not everything could be found out: 'sudo tcpdiag doctor' tells more."});
  }
  if (extent == Extent::kScreen) document.body.emplace_back(answer);
  return document;
}

}  // namespace tcpdiag::report
