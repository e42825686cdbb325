// SPDX-License-Identifier: Apache-2.0
// Events for people, a line each.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "report/describe.h"
#include "report/event_lines.h"
#include "report/layout.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

constexpr std::size_t kEventColumns = 120;

std::string with_dashes(std::string text) {
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

// "ruby[811]"; the name of a thread group's leader has at most 15 bytes.
std::string owner_words(const std::optional<model::Owner>& owner) {
  constexpr std::size_t kNameColumns = 20;
  if (!owner) return std::string(kUnknown);
  const std::string comm = owner->comm.empty() ? "?" : elide_middle(escape_terminal(owner->comm), kNameColumns);
  return owner->pid == 0 ? comm : fmt::format("{}[{}]", comm, owner->pid);
}

std::string_view direction(model::Role role) {
  switch (role) {
    case model::Role::kOutbound:
      return ">";
    case model::Role::kInbound:
      return "<";
    case model::Role::kUnknown:
      break;
  }
  return "-";
}

}  // namespace

// What matters least goes first: the silence, the local address (not its port, by which a log is searched), the middle
// of the rest.
std::string event_text(const model::TraceStart& start, const model::Event& event) {
  Description what = describe(start, event);
  const std::string begin =
      fmt::format("{} {} ", clock_time(start.clock.to_wall(event.at)), with_dashes(std::string(what.kind)));
  const std::string remote = fmt::format(" {} {} ", direction(event.socket.role), event.socket.remote.to_string());
  const std::string whole = begin + event.socket.local.to_string() + remote;
  const std::string port_only = fmt::format("{}:{}{}", begin, event.socket.local.port, remote);
  const auto end = [owner = owner_words(event.owner), &what] {
    const std::string detail = escape_terminal(detail_words(what.details));
    return detail.empty() ? owner : fmt::format("{} {}", owner, detail);
  };
  const std::string all = end();
  std::erase_if(what.details, [](const Detail& detail) { return detail.key == "idle_us"; });
  const std::string shorter = end();
  const std::string line = first_that_fits({whole + all, whole + shorter, port_only + shorter}, kEventColumns);
  if (columns(line) <= kEventColumns) return line;
  return port_only + elide_middle(shorter, kEventColumns - std::min(kEventColumns, columns(port_only)));
}

}  // namespace tcpdiag::report
