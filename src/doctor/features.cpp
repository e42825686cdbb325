// SPDX-License-Identifier: Apache-2.0
#include "doctor/features.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace tcpdiag::doctor {
namespace {

bool names(const std::vector<std::string_view>& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

void miss(Standing& standing, Shortfall shortfall, std::string found) {
  const bool needless = shortfall == Shortfall::kAbsent && standing.feature->needless_without;
  standing.answer = needless ? Answer::kYes : Answer::kNo;
  standing.shortfall = shortfall;
  standing.found = needless ? "not needed: this kernel does not skip them" : std::move(found);
}

// " (tracepoint tcp_probe)"; empty for a program at none.
std::string tracepoint_of(std::string_view program) {
  for (const Feature& feature : feature_table()) {
    const bool is_its = names(feature.programs, program) && feature.tracepoints.size() == 1;
    if (is_its) return fmt::format(" (tracepoint {})", feature.tracepoints.front().name);
  }
  return {};
}

// Arguments that another feature reads, or that are known to lack it: those of an older kernel.
bool some_program_knows(std::string_view tracepoint, std::string_view arguments) {
  return std::ranges::any_of(feature_table(), [&](const Feature& feature) {
    return std::ranges::any_of(feature.tracepoints, [&](const Tracepoint& one) {
      return one.name == tracepoint && (names(one.forms, arguments) || names(one.older, arguments));
    });
  });
}

void hold_against(const KernelTypes& types, Standing& standing) {
  const Feature& feature = *standing.feature;
  standing.answer = Answer::kYes;
  for (const Tracepoint& needed : feature.tracepoints) {
    const auto found = types.tracepoints.find(needed.name);
    if (found == types.tracepoints.end()) {
      return miss(standing, Shortfall::kAbsent, fmt::format("this kernel has no tracepoint {}", needed.name));
    }
    if (names(needed.forms, found->second)) {
      if (feature.tracepoints.size() == 1) standing.found = fmt::format("({})", found->second);
      continue;
    }
    std::string why = fmt::format("tracepoint {} of this kernel has the arguments ({})", needed.name, found->second);
    if (some_program_knows(needed.name, found->second)) return miss(standing, Shortfall::kAbsent, std::move(why));
    return miss(standing, Shortfall::kForm, why + ", a form that is not known");
  }
  for (const std::string_view function : feature.functions) {
    if (types.functions.contains(function)) continue;
    return miss(standing, Shortfall::kAbsent, fmt::format("this kernel has no function {}", function));
  }
  for (const std::string_view enumerator : feature.enumerators) {
    if (types.enumerators.contains(enumerator)) continue;
    return miss(standing, Shortfall::kAbsent, fmt::format("this kernel has no {}", enumerator));
  }
}

}  // namespace

const char* to_string(Answer answer) {
  switch (answer) {
    case Answer::kYes:
      return "yes";
    case Answer::kNo:
      return "no";
    case Answer::kUnknown:
      return "unknown";
  }
  return "unknown";
}

Features::Features() {
  for (const Feature& feature : feature_table()) standings_.push_back({.feature = &feature, .found = {}});
}

Features::Features(const KernelTypes& types) : Features() {
  drop_reasons_ = types.drop_reasons;
  for (Standing& standing : standings_) hold_against(types, standing);
  settle_dependents();
}

void Features::settle_dependents() {
  for (Standing& one : standings_) {
    if (one.feature->rests_on.empty() || !one.works()) continue;
    const Standing& base = standing(one.feature->rests_on);
    if (!base.works()) miss(one, base.shortfall, base.found);
  }
}

const Standing& Features::standing(std::string_view feature) const {
  const auto found = std::ranges::find(standings_, feature, [](const Standing& one) { return one.feature->name; });
  assert(found != standings_.end());
  return *found;
}

bool Features::works(std::string_view feature) const { return standing(feature).works(); }

bool Features::loads(std::string_view program, bool with_children) const {
  bool is_named = false;
  for (const Standing& one : standings_) {
    const Feature& feature = *one.feature;
    if (names(feature.instead, program) && one.works()) return false;
    if (!names(feature.programs, program)) continue;
    if (!one.works() || (feature.only_with_children && !with_children)) return false;
    is_named = true;
  }
  return is_named;
}

void Features::refuse(std::string_view program, std::string_view said) {
  if (!loads(program, true)) return;  // what it belonged to has gone meanwhile
  for (const bool required : {false, true}) {
    const auto dropped = std::ranges::find_if(standings_, [&](const Standing& one) {
      return one.works() && one.feature->required == required && names(one.feature->programs, program);
    });
    if (dropped == standings_.end()) continue;
    miss(*dropped, Shortfall::kRefused,
         fmt::format("this kernel refuses program {}{}: {}", program, tracepoint_of(program), said));
    settle_dependents();
    return;
  }
}

void Features::leave_out(std::string_view feature, std::string_view by) {
  const auto found = std::ranges::find(standings_, feature, [](const Standing& one) { return one.feature->name; });
  if (found == standings_.end() || !found->works()) return;
  miss(*found, Shortfall::kLeftOut, fmt::format("left out by {}", by));
  settle_dependents();
}

Result<> Features::check() const {
  for (const Standing& one : standings_) {
    if (!one.feature->required || one.answer != Answer::kNo) continue;
    return fail(ExitCode::kNotAble, fmt::format("cannot trace: {} ({})", one.found, one.feature->lost), hint_of(one));
  }
  return {};
}

std::vector<model::Feature> Features::of_report() const {
  std::vector<model::Feature> list;
  for (const Standing& one : standings_) {
    const Feature& feature = *one.feature;
    if (feature.required) continue;
    const bool available = one.answer == Answer::kYes;
    const bool is_old = one.shortfall == Shortfall::kAbsent && !feature.since.empty();
    const std::string why = is_old ? fmt::format("kernel before {}", feature.since) : one.found;
    list.push_back({.name = std::string(feature.name),
                    .available = available,
                    .reason = available ? std::string{} : fmt::format("{}: {}", why, feature.lost)});
  }
  return list;
}

std::string hint_of(const Standing& standing) {
  const Feature& feature = *standing.feature;
  switch (standing.shortfall) {
    case Shortfall::kNothing:
      return {};
    case Shortfall::kAbsent:
      if (feature.required || feature.since.empty()) {
        return "Linux 5.10 or later, with TCP and tracepoints built in, has it";
      }
      return fmt::format("Linux {} or later has it", feature.since);
    case Shortfall::kForm:
      return "look for a newer tcpdiag";
    case Shortfall::kRefused:
      return "report it with what TCPDIAG_DEBUG_BPF=1 prints; a newer tcpdiag may be right for this kernel";
    case Shortfall::kLeftOut:
      return "leave the option out";
  }
  return {};
}

}  // namespace tcpdiag::doctor
