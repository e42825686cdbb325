// SPDX-License-Identifier: Apache-2.0
// The JSON of look-ups of names.
#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "report/json.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

Json names_json(const model::ResolverPicture& resolver) {
  if (!resolver.names) return nullptr;
  std::vector<Json> names;
  for (const auto& [name, trouble] : *resolver.names) {
    names.push_back({{"name", text_or_null(name)},
                     {"slow", trouble.slow_us.count()},
                     {"unanswered", trouble.unanswered},
                     {"errors", trouble.refused}});
  }
  std::ranges::stable_sort(names, std::ranges::greater(), [](const Json& one) {
    return one["slow"].get<std::uint64_t>() + one["unanswered"].get<std::uint64_t>() +
           one["errors"].get<std::uint64_t>();
  });
  constexpr std::size_t kNamesShown = 10;
  if (names.size() > kNamesShown) names.resize(kNamesShown);
  return names;
}

}  // namespace

Json look_ups_json(const JsonContext& context, std::size_t index) {
  const model::ResolverPicture& resolver = context.report.picture.resolvers[index];
  Json out = Json::object();
  const bool is_others = resolver.at.address.is_unspecified();
  out["address"] = is_others ? Json(nullptr) : Json(resolver.at.address.to_string());
  out["port"] = is_others ? Json(nullptr) : Json(resolver.at.port);
  out["netns_inode"] = is_others ? Json(nullptr) : Json(resolver.netns_inode);
  out["queries"] = resolver.queries;
  out["sent"] = resolver.sent;
  out["repeated"] = resolver.repeated;
  out["answered"] = resolver.answered;
  out["answered_after_repeat"] = resolver.answered_after_repeat;
  out["unanswered"] = resolver.unanswered.count;
  out["answered_by_another"] = resolver.rescued;
  out["answered_by_nobody"] = resolver.lost;
  out["waiting"] = resolver.waiting;
  out["unknown"] = resolver.unknown;
  out["truncated"] = resolver.truncated;
  out["rcodes"] = Json::object();
  for (const auto& [name, answers] : resolver.rcodes) out["rcodes"][name] = answers;
  out["processes"] = Json::array();
  for (const auto& [name, queries] : resolver.users) {
    out["processes"].push_back({{"comm", text_or_null(name)}, {"queries", queries}});
  }
  out["names"] = names_json(resolver);
  out["dns"] = histogram_json(resolver.took_us);
  out["repeat_after"] = histogram_json(resolver.repeat_after_us);
  return out;
}

}  // namespace tcpdiag::report
