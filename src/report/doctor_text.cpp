// SPDX-License-Identifier: Apache-2.0
// The answer of `tcpdiag doctor` as text: what is there in one line each, what is missing with its cure, and the
// verdict last, where it stands above the next prompt.
#include <fmt/format.h>

#include "report/doctor.h"
#include "report/layout.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

constexpr std::size_t kNameColumns = 34;

const char* heading(doctor::Group group) {
  switch (group) {
    case doctor::Group::kKernel:
      return "KERNEL";
    case doctor::Group::kRights:
      return "RIGHTS";
    case doctor::Group::kHost:
      return "HOST";
  }
  return "HOST";
}

bool is_no(const doctor::Row& row) { return row.answer == doctor::Answer::kNo; }

// A required "no" ends everything; a note is no loss for most.
Style style_of(const doctor::Row& row) {
  if (!is_no(row) || row.weight == doctor::Weight::kNote) return Style::kPlain;
  return row.weight == doctor::Weight::kRequired ? Style::kCritical : Style::kWarning;
}

const char* mark(const doctor::Row& row) {
  switch (row.answer) {
    case doctor::Answer::kYes:
      return "  yes  ";
    case doctor::Answer::kNo:
      return row.weight == doctor::Weight::kNote ? "  no   " : "  NO   ";
    case doctor::Answer::kUnknown:
      return "  ?    ";
  }
  return "  ?    ";
}

void append_row(Page& page, const doctor::Row& row) {
  constexpr std::string_view kIndent = "       ";
  const Style style = style_of(row);
  const std::string name = elide_middle(escape_terminal(row.name), kNameColumns - 1);
  if (row.found.empty()) {
    page.line(mark(row) + name, style);
  } else {
    page.paragraph(mark(row) + pad_right(name, kNameColumns), row.found, style);
  }
  if (row.answer == doctor::Answer::kYes) return;
  if (!row.lost.empty()) page.paragraph(std::string(kIndent) + "lost: ", row.lost);
  if (!row.cure.empty()) page.paragraph(std::string(kIndent) + "cure: ", row.cure);
}

// Of a kernel of which nothing could be found out a line for each ability would say nothing.
bool says_nothing(const doctor::Row& row) { return row.answer == doctor::Answer::kUnknown && row.found.empty(); }

void append_group(Page& page, const doctor::Examination& examination, doctor::Group group) {
  page.line(heading(group), Style::kHeading);
  std::size_t unsaid = 0;
  for (const doctor::Row& row : examination.rows) {
    if (row.group != group) continue;
    if (says_nothing(row)) {
      ++unsaid;
    } else {
      append_row(page, row);
    }
  }
  if (unsaid > 0) page.line(fmt::format("  ?    and {} more, of which nothing is known", unsaid));
  page.blank();
}

bool has_unknown(const doctor::Examination& examination) {
  for (const doctor::Row& row : examination.rows) {
    if (row.answer == doctor::Answer::kUnknown) return true;
  }
  return false;
}

}  // namespace

std::string render_doctor_text(const doctor::Examination& examination, const DoctorHeader& header, bool colour) {
  const model::HostInfo& host = examination.machine.host;
  Page page(colour);
  page.paragraph("", fmt::format("tcpdiag {} on {}", header.tool_version, host.hostname.empty() ? "?" : host.hostname),
                 Style::kHeading);
  page.blank();
  for (const doctor::Group group : {doctor::Group::kKernel, doctor::Group::kRights, doctor::Group::kHost}) {
    append_group(page, examination, group);
  }
  if (has_unknown(examination) && examination.machine.rights.uid != 0) {
    page.line("Not everything could be found out: 'sudo tcpdiag doctor' tells more.");
    page.blank();
  }
  const Style style = examination.verdict == doctor::Readiness::kCannot   ? Style::kCritical
                      : examination.verdict == doctor::Readiness::kPoorer ? Style::kWarning
                                                                          : Style::kHeading;
  page.paragraph("", examination.answer, style);
  return page.take();
}

}  // namespace tcpdiag::report
