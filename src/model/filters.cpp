// SPDX-License-Identifier: Apache-2.0
// Filters in a person's words.
#include "model/filters.h"

#include <fmt/format.h>

namespace tcpdiag::model {
namespace {

// "remote port 443 or 8443": values of one kind are alternatives.
template <typename Values, typename ToText>
void add_kind(std::string& text, std::string_view name, const Values& values, ToText to_text) {
  if (values.empty()) return;
  if (!text.empty()) text += ", ";
  text += name;
  std::string_view separator = " ";
  for (const auto& value : values) {
    text += fmt::format("{}{}", separator, to_text(value));
    separator = " or ";
  }
}

}  // namespace

bool Filters::limits_sockets() const {
  return !pids.empty() || !comms.empty() || !cgroups.empty() || !local_ports.empty() || !remote_ports.empty() ||
         !local.empty() || !remote.empty() || !families.empty() || role.has_value() || expression.has_value();
}

bool Filters::takes_everything() const { return !limits_sockets() && netns_inodes.empty() && netns_as_given.empty(); }

std::string Filters::describe() const {
  const auto as_is = [](const auto& value) { return value; };
  const auto as_text = [](const auto& value) { return value.to_string(); };
  std::string text;
  add_kind(text, "pid", pids, as_is);
  if (children) text += pids.size() == 1 ? " and its descendants" : " and their descendants";
  add_kind(text, "command name", comms, as_is);
  add_kind(text, "cgroup", cgroups, [](const CgroupFilter& cgroup) { return cgroup.path; });
  add_kind(text, "local port", local_ports, as_is);
  add_kind(text, "remote port", remote_ports, as_is);
  add_kind(text, "local address", local, as_text);
  add_kind(text, "remote address", remote, as_text);
  add_kind(text, "family", families, [](int family) { return family == 4 ? "IPv4" : "IPv6"; });
  add_kind(text, "network namespace", netns_as_given, as_is);
  if (role) add_kind(text, "role", std::vector<Role>{*role}, [](Role r) { return to_string(r); });
  const auto quoted = [](const auto& value) { return fmt::format("\"{}\"", value); };
  if (expression) add_kind(text, "expression", std::vector<std::string>{expression->text}, quoted);
  return text.empty() ? "none" : text;
}

}  // namespace tcpdiag::model
