// SPDX-License-Identifier: Apache-2.0
// Report -> what a person or a program reads.
#pragma once

#include <cstddef>
#include <string>

#include "model/report.h"

namespace tcpdiag::report {

struct TextOptions {
  std::size_t sockets = 2;  // rows of the FAILURES table beyond those the findings name as examples
  bool colour = false;      // ANSI; only ever for a terminal and without NO_COLOR
};
// At most 80 columns, ends with a newline.
std::string render_text(const model::Report& report, const TextOptions& options);

struct JsonOptions {
  std::size_t sockets = 1000;  // those named by a finding are always included
};
// One object "tcpdiag.report/1" (docs/json.md, docs/report.schema.json), ends with a newline.
std::string render_json(const model::Report& report, const JsonOptions& options);

struct MarkdownOptions {
  std::size_t sockets = 2;
};
// GitHub-flavoured Markdown to paste into a ticket: no line over 300 characters, under 60 kB however large the report.
std::string render_markdown(const model::Report& report, const MarkdownOptions& options);

struct HtmlOptions {
  std::size_t sockets = 50;  // ladders
};
// One self-contained page.
std::string render_html(const model::Report& report, const HtmlOptions& options);

}  // namespace tcpdiag::report
