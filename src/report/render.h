// SPDX-License-Identifier: Apache-2.0
// Report -> what a person or a program reads. For people every report is a Document first, which each format renders.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "model/report.h"
#include "report/document.h"

namespace tcpdiag::report {

// At most 80 columns, ends with a newline. Colour is ANSI.
std::string render_text(const Document& document, bool colour);
// GitHub-flavoured Markdown to paste into a ticket: no line over 300 characters, under 60 kB however large the
// document.
std::string render_markdown(const Document& document);
// One self-contained page.
std::string render_html(const Document& document);

// Bars as lines of text, for what shows text as it is.
std::vector<std::string> text_lines(const Bars& bars);

// `sockets`: single connections that are told of.
Document trace_document(const model::Report& report, Extent extent, std::size_t sockets);

struct TextOptions {
  std::size_t sockets = 2;  // rows of the FAILURES table beyond those the findings name as examples
  bool colour = false;      // ANSI; only ever for a terminal and without NO_COLOR
};
std::string render_text(const model::Report& report, const TextOptions& options);

struct JsonOptions {
  std::size_t sockets = 1000;  // those named by a finding are always included
};
// One object "tcpdiag.report/1" (docs/json.md, docs/report.schema.json), ends with a newline.
std::string render_json(const model::Report& report, const JsonOptions& options);

struct MarkdownOptions {
  std::size_t sockets = 2;
};
std::string render_markdown(const model::Report& report, const MarkdownOptions& options);

struct HtmlOptions {
  std::size_t sockets = 50;  // ladders
};
std::string render_html(const model::Report& report, const HtmlOptions& options);

}  // namespace tcpdiag::report
