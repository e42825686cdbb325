// SPDX-License-Identifier: Apache-2.0
// Findings: the causes whole, each with what it explains; then the notices. Their numbers are those of the text and of
// the JSON report ("Cause 2" is f2).
#include <algorithm>

#include "report/html.h"

namespace tcpdiag::report {
namespace {

using model::Finding;

constexpr std::size_t kWholeCauses = 15;
constexpr std::size_t kShortCauses = 100;
constexpr std::size_t kNotices = 30;
constexpr std::size_t kLinks = 12;  // to connections

// "CAUSE" -> "Cause"
std::string capitalised(std::string_view word) {
  std::string text(word);
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  if (!text.empty()) std::transform(text.begin() + 1, text.end(), text.begin() + 1, lower);
  return text;
}

// A shape beside the word and the colour.
const char* severity_mark(model::Severity severity) {
  switch (severity) {
    case model::Severity::kNotice:
      return "\u25cb notice";
    case model::Severity::kWarning:
      return "\u25b3 warning";
    case model::Severity::kCritical:
      return "\u25b2 critical";
  }
  return "";
}

const char* whose_words(model::Whose whose) {
  switch (whose) {
    case model::Whose::kUs:
      return "us";
    case model::Whose::kPeer:
      return "the peer";
    case model::Whose::kCloud:
      return "the cloud";
  }
  return "";
}

void put_heading(Html& html, const HtmlContext& context, std::size_t index) {
  const Finding& finding = context.report.findings[index];
  html.put("<h3>{} {}: {}</h3>\n", capitalised(kind_words(context.report, finding)), index + 1,
           finding.title.empty() ? finding.code : finding.title);
  html.put("<p class=\"marks\"><span class=\"severity\">{}</span><span>confidence {}</span><code>{}</code>",
           severity_mark(finding.severity), model::to_string(finding.confidence), finding.code);
  if (finding.endpoint) {
    html.put("<span>at {}</span>", context.endpoint_name(context.picture().endpoints[*finding.endpoint]));
  } else if (!finding.device.empty()) {
    html.put("<span>at {}</span>", finding.device);
  }
  html.put("</p>\n");
}

// Unless the page's summary, which stands right above the first finding, has told it.
void put_explanation(Html& html, const HtmlContext& context, std::size_t index) {
  const Finding& finding = context.report.findings[index];
  const bool is_told =
      finding.explanation == finding.title || (index == 0 && finding.explanation == context.report.summary);
  if (!finding.explanation.empty() && !is_told) html.put("<p>{}</p>\n", finding.explanation);
}

void put_part(Html& html, std::string_view label, std::string_view text) {
  if (!text.empty()) html.put("<dt>{}</dt><dd>{}</dd>\n", label, text);
}

void put_list(Html& html, std::string_view label, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  if (texts.size() == 1) {
    put_part(html, label, texts.front());
    return;
  }
  html.put("<dt>{}</dt><dd><ul>", label);
  for (const std::string& text : texts) html.put("<li>{}</li>", text);
  html.put("</ul></dd>\n");
}

void put_evidence(Html& html, const HtmlContext& context, const Finding& finding) {
  const std::vector<model::EvidenceRow>& lines = finding.rows;
  if (lines.empty()) return;
  html.put(
      "<dt>What was seen</dt><dd><div class=\"evidence\"><table><caption "
      "class=\"only-read\">Evidence</caption><tbody>\n");
  for (const model::EvidenceRow& line : lines) {
    html.put("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", line.label, line.value);
  }
  html.put("</tbody></table></div></dd>\n");
}

// "12 of 1201 exchanges failed (1.0 %)", then when.
void put_impact(Html& html, const HtmlContext& context, const Finding& finding) {
  if (!is_about_losses(finding)) put_part(html, "Impact", join(impact_parts(context.report, finding), ", "));
  const auto day = [&](model::MonoTime t) { return rfc3339(context.picture().start.clock.to_wall(t)); };
  const bool once = finding.first_at == finding.last_at;
  html.put("<dt>When</dt><dd>");
  if (once) {
    html.put("once, at <time datetime=\"{}\">{}</time> UTC", day(finding.first_at), context.time(finding.first_at));
  } else {
    html.put("first <time datetime=\"{}\">{}</time>, ", day(finding.first_at), context.time(finding.first_at));
    html.put("last <time datetime=\"{}\">{}</time> UTC", day(finding.last_at), context.time(finding.last_at));
  }
  html.put("{}</dd>\n",
           finding.ongoing ? "; ongoing: still so when the trace ended" : "; not ongoing when the trace ended");
}

// "ruby (pids 811, 812), cgroup /system.slice/puma.service"
std::string who_text(const Who& who) {
  return who.cgroup.empty() ? who_words(who) : fmt::format("{}, cgroup {}", who_words(who), who.cgroup);
}

void put_who(Html& html, const HtmlContext& context, const Finding& finding) {
  constexpr std::size_t kShown = 5;
  const std::vector<Who> owners = owners_of(context.report, finding);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < std::min(owners.size(), kShown); ++i) texts.push_back(who_text(owners[i]));
  if (owners.size() > kShown) texts.push_back("and " + number_of(owners.size() - kShown, "more group"));
  if (texts.empty() && finding.endpoint) texts.emplace_back(kWhoUnknown);
  put_list(html, "Who", texts);
}

void put_confidence(Html& html, const Finding& finding) {
  const std::vector<std::string>& doubts = finding.confidence_reasons;
  html.put("<dt>Confidence</dt><dd>{}{}", model::to_string(finding.confidence),
           doubts.empty() ? "" : ", because of these doubts:");
  if (!doubts.empty()) {
    html.put("<ul>");
    for (const std::string& doubt : doubts) html.put("<li>{}</li>", doubt);
    html.put("</ul>");
  }
  html.put("</dd>\n");
}

void put_next_steps(Html& html, const Finding& finding) {
  if (finding.next_steps.empty()) return;
  html.put("<dt>Do next</dt><dd><ol>\n");
  for (const model::NextStep& step : finding.next_steps) {
    html.put("<li>{} <span class=\"whose\">[{}]</span>", step.text, whose_words(step.whose));
    if (!step.command.empty()) html.put("<pre><code>{}</code></pre>", step.command);
    html.put("</li>\n");
  }
  html.put("</ol></dd>\n");
}

void put_effects(Html& html, const HtmlContext& context, std::size_t root) {
  const std::vector<std::size_t> effects = effects_of(context.report, root);
  if (effects.empty()) return;
  html.put("<dt>Explains</dt><dd><ul>");
  for (const std::size_t i : effects) {
    const Finding& effect = context.report.findings[i];
    html.put("<li id=\"{}\"><code>{}</code> ({}, finding {}): {}</li>", Ids::finding(i), effect.code,
             model::to_string(effect.severity), i + 1, effect.title);
  }
  html.put("</ul></dd>\n");
}

void put_connections(Html& html, const HtmlContext& context, const Finding& finding) {
  std::vector<std::size_t> linked;
  for (const std::size_t socket : finding.sockets) {
    if (linked.size() < kLinks && !context.stories.anchor(socket).empty()) linked.push_back(socket);
  }
  if (linked.empty()) return;
  html.put("<dt>Connections</dt><dd><ul class=\"links\">");
  for (const std::size_t socket : linked) {
    const model::SocketStory& story = context.picture().sockets[socket];
    html.put("<li><a href=\"#{}\">{} port {}</a></li>", context.stories.anchor(socket),
             context.time(failed_at(context.picture(), story)), story.socket.local.port);
  }
  if (finding.sockets.size() > linked.size()) html.put("<li>and {} more</li>", finding.sockets.size() - linked.size());
  html.put("</ul></dd>\n");
}

void put_finding(Html& html, const HtmlContext& context, std::size_t index) {
  const Finding& finding = context.report.findings[index];
  html.put("<article class=\"finding {}\" id=\"{}\">\n", model::to_string(finding.severity), Ids::finding(index));
  put_heading(html, context, index);
  put_explanation(html, context, index);
  html.put("<dl class=\"parts\">\n");
  put_impact(html, context, finding);
  put_who(html, context, finding);
  put_list(html, "Clients log", finding.app_messages);
  put_evidence(html, context, finding);
  put_list(html, "Timers that fit", finding.timers);
  put_confidence(html, finding);
  put_next_steps(html, finding);
  put_part(html, "Wrong if", finding.disproved_by);
  put_effects(html, context, index);
  put_connections(html, context, finding);
  html.put("</dl>\n</article>\n");
}

void put_short(Html& html, const HtmlContext& context, std::size_t index) {
  const Finding& finding = context.report.findings[index];
  html.put("<article class=\"finding {}\" id=\"{}\">\n", model::to_string(finding.severity), Ids::finding(index));
  put_heading(html, context, index);
  html.put("</article>\n");
}

}  // namespace

void put_findings(Html& html, const HtmlContext& context) {
  const auto [causes, notices] = root_findings(context.report);
  if (causes.empty() && notices.empty()) return;
  html.put("<section id=\"findings\"><h2>Findings</h2>\n");
  for (std::size_t i = 0; i < std::min(causes.size(), kShortCauses); ++i) {
    if (i < kWholeCauses) {
      put_finding(html, context, causes[i]);
    } else {
      put_short(html, context, causes[i]);
    }
  }
  if (causes.size() > kShortCauses) {
    html.put("<p class=\"more\">and {} in the JSON report</p>\n",
             number_of(causes.size() - kShortCauses, "more cause"));
  }
  for (std::size_t i = 0; i < std::min(notices.size(), kNotices); ++i) put_finding(html, context, notices[i]);
  if (notices.size() > kNotices) {
    html.put("<p class=\"more\">and {} in the JSON report</p>\n", number_of(notices.size() - kNotices, "more notice"));
  }
  html.put("</section>\n");
}

}  // namespace tcpdiag::report
