// SPDX-License-Identifier: Apache-2.0
// Events for programs. The last line, the report, is made in json.cpp.
#include "report/event_lines.h"

#include <string>

#include "report/describe.h"
#include "report/json.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

Json socket_json(const model::SocketRef& socket) {
  return {{"cookie", socket.cookie ? Json(std::to_string(*socket.cookie)) : Json(nullptr)},
          {"role", role_json(socket.role)},
          {"local", address_json(socket.local)},
          {"remote", address_json(socket.remote)},
          {"netns_inode", socket.netns_inode}};
}

// As in the report's sockets, but for the cgroup: a path is known only when the process has been looked up.
Json event_owner_json(const std::optional<model::Owner>& owner) {
  if (!owner) return nullptr;
  Json out = owner_json(*owner);
  out["cgroup_id"] = owner->cgroup_id == 0 ? Json(nullptr) : Json(std::to_string(owner->cgroup_id));
  return out;
}

}  // namespace

std::string ndjson_start_line(const model::TraceStart& start) {
  const Json line = {{"schema", "tcpdiag.event/1"},
                     {"type", "start"},
                     {"tool", tool_json(start)},
                     {"command", texts_json(start.command)},
                     {"recording_id", text_or_null(start.recording_id)},
                     {"host", host_json(start.host)},
                     {"start_at", rfc3339(start.clock.wall_at)},
                     {"filters", filters_json(start.filters)},
                     {"abilities", features_json(start.abilities)}};
  return json_line(line) + '\n';
}

std::string ndjson_event_line(const model::TraceStart& start, const model::Event& event) {
  const Description what = describe(start, event);
  const Json line = {{"type", "event"},
                     {"offset_us", offset_us(start.clock.mono_at, event.at)},
                     {"at", rfc3339(start.clock.to_wall(event.at))},
                     {"kind", what.kind},
                     {"socket", socket_json(event.socket)},
                     {"process", event_owner_json(event.owner)},
                     {"detail", detail_json(what.details)}};
  return json_line(line) + '\n';
}

std::string ndjson_dropped_line(std::uint64_t events) {
  return json_line(Json{{"type", "dropped"}, {"events", events}}) + '\n';
}

}  // namespace tcpdiag::report
