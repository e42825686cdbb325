// SPDX-License-Identifier: Apache-2.0
// dropped-by-this-host: this host's own kernel dropped packets of the endpoint's connections, and says why (enum
// skb_drop_reason, Linux 5.17). What that explains is joined by socket: a retransmission of the same bytes, a connect
// whose SYN or SYN-ACK it was, an exchange that failed meanwhile.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <numeric>
#include <set>

#include "diagnose/delay.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "knowledge/drop_reasons.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace dropped_by_this_host {
namespace {

using model::Confidence;
using model::DropWay;
using model::Severity;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kDirection{"direction"};
constexpr EvidenceKey kReasons{"reasons"};
constexpr EvidenceKey kDroppedPackets{"dropped_packets"};
constexpr EvidenceKey kDroppedSegments{"dropped_segments"};
constexpr EvidenceKey kSynCount{"syn_count"};
constexpr EvidenceKey kDataCount{"data_count"};
constexpr EvidenceKey kSockets{"connection_count"};
constexpr EvidenceKey kRetransmits{"retransmits_explained"};
constexpr EvidenceKey kTimeouts{"timeouts_explained"};
constexpr EvidenceKey kConnectsFailed{"connects_failed"};
constexpr EvidenceKey kConnectsDelayed{"connects_delayed"};
constexpr EvidenceKey kExchangesFailed{"exchanges_failed"};
constexpr std::array kEvidence = {kDirection,       kReasons,      kDroppedPackets,  kDroppedSegments, kSynCount,
                                  kDataCount,       kSockets,      kRetransmits,     kTimeouts,        kConnectsFailed,
                                  kConnectsDelayed, kConnectCount, kExchangesFailed, kExchangeCount};

struct Reason {
  std::string name;
  model::DropCount count;
  const knowledge::DropReason* known = nullptr;
};

struct Drops {
  const Facts& facts;
  const EndpointFacts& endpoint;
  DropWay way = DropWay::kOut;
  std::vector<Reason> reasons;  // most packets first
  model::DropCount sum;

  const model::DropImpact& impact() const { return endpoint.picture->drop_impact[static_cast<std::size_t>(way)]; }
  std::uint64_t failures() const { return impact().connects_failed + impact().exchanges_failed; }
  std::uint64_t delayed() const { return impact().connects_delayed; }
  bool is_joined() const { return failures() + delayed() + impact().retransmits > 0; }
  bool is_on_purpose() const {
    return std::all_of(reasons.begin(), reasons.end(),
                       [](const Reason& reason) { return reason.known != nullptr && reason.known->is_on_purpose; });
  }
};

// First copies that come after the second are what path-reordering speaks of: PAWS lays them aside as it lays old data.
// A full accept queue is the finding listen-overflow, where the kernel's counter speaks of it; and a SYN that waited in
// vain for the next hop's address is connect-failed-locally, which has the error that the application got.
bool is_told_elsewhere(const Facts& facts, const model::EndpointPicture& endpoint, const std::string& reason,
                       const model::DropCount& count) {
  if (reason == "NEIGH_FAILED") {
    const auto failed = [&](model::ConnectOutcome outcome) {
      return endpoint.totals.connect_outcomes[static_cast<std::size_t>(outcome)];
    };
    return count.syns > 0 && count.with_data == 0 &&
           failed(model::ConnectOutcome::kUnreachable) + failed(model::ConnectOutcome::kLocalError) > 0;
  }
  if (reason == "TCP_RFC7323_PAWS") return endpoint.totals.reordered_in.value_or(0) >= count.packets;
  if (reason != "TCP_LISTEN_OVERFLOW") return false;
  return std::any_of(facts.picture.netns.begin(), facts.picture.netns.end(), [&](const model::NetnsPicture& netns) {
    const auto counted = netns.counters.find("ListenOverflows");
    return netns.inode == endpoint.key.netns_inode && counted != netns.counters.end() && counted->second > 0;
  });
}

Drops drops_of(const Facts& facts, const EndpointFacts& endpoint, DropWay way) {
  Drops drops{facts, endpoint, way, {}, {}};
  for (const auto& [name, count] : endpoint.picture->totals.drops[static_cast<std::size_t>(way)]) {
    if (is_told_elsewhere(facts, *endpoint.picture, name, count)) continue;
    drops.reasons.push_back({name, count, knowledge::find_drop_reason(name)});
    drops.sum += count;
  }
  std::stable_sort(drops.reasons.begin(), drops.reasons.end(),
                   [](const Reason& a, const Reason& b) { return a.count.packets > b.count.packets; });
  return drops;
}

// What local-queueing explains is a split of its own.
std::string split_of(const Drops& drops) {
  const bool by_queue = std::all_of(drops.reasons.begin(), drops.reasons.end(), [](const Reason& reason) {
    const std::string_view name = reason.name;
    return name.starts_with("QDISC_") || name.starts_with("FQ_") || name.starts_with("CAKE_");
  });
  return drops.way == DropWay::kOut && by_queue ? std::string(kDroppedByOwnQueue) : model::to_string(drops.way);
}

std::uint64_t retransmits_of(const model::Totals& totals) {
  return std::accumulate(totals.retransmits.begin(), totals.retransmits.end(), std::uint64_t{0});
}

bool explains_enough(const Drops& drops) {
  const std::uint64_t retransmits = retransmits_of(drops.endpoint.picture->totals);
  return static_cast<double>(drops.impact().retransmits) >= kDropsMatterShare * static_cast<double>(retransmits);
}

// A bulk transfer finds the limit of its own queue by losing packets, and repairs that without a timeout. Clients that
// a rule keeps away are meant to be.
Severity severity_of(const Drops& drops) {
  const model::DropImpact& impact = drops.impact();
  const std::uint64_t attempts = std::max(attempts_of(drops.endpoint, Of::kConnects, impact.connects_failed),
                                          attempts_of(drops.endpoint, Of::kExchanges, impact.exchanges_failed));
  if (drops.failures() > 0) return std::max(Severity::kWarning, common_severity(drops.failures(), attempts));
  if (impact.connects_delayed > 0) return Severity::kWarning;
  const bool is_felt = impact.timeouts > 0 || (impact.retransmits > 0 && !is_bulk(*drops.endpoint.picture));
  if (is_felt && explains_enough(drops)) return Severity::kWarning;
  const bool keeps_clients_away = !drops.endpoint.outbound() && drops.sum.syns > 0 && !drops.is_on_purpose();
  return keeps_clients_away ? Severity::kWarning : Severity::kNotice;
}

Grade grade_of(const Drops& drops) {
  Grade grade(Confidence::kHigh);
  if (drops.impact().sockets == 0) {
    grade.at_most(Confidence::kMedium,
                  "No connection could be told: they were dropped before there was one. What they would have been is "
                  "told by their addresses.");
  } else if (!drops.is_joined()) {
    grade.at_most(Confidence::kMedium,
                  "Nothing that was sent again, failed or was delayed is known of the same connections.");
  }
  common_steps(grade, drops.facts, Feed::kSockets, drops.sum.packets);
  return grade;
}

// "52 SYNs", "40 packets with data", "3 packets"
std::string what_was_dropped(const Drops& drops) {
  const model::DropCount& sum = drops.sum;
  const char* syns = drops.endpoint.outbound() == (drops.way == DropWay::kOut) ? "SYN" : "SYN-ACK";
  if (sum.syns == sum.packets) return number_of(sum.syns, syns);
  if (sum.with_data == sum.packets) return number_of(sum.packets, "packet") + " with data";
  return number_of(sum.packets, "packet");
}

std::vector<std::string> reason_list(const Drops& drops) {
  std::vector<std::string> list;
  for (const Reason& reason : drops.reasons) list.push_back(fmt::format("{} {}", reason.name, reason.count.packets));
  return list;
}

std::string names_of(const Drops& drops) {
  constexpr std::size_t kNamed = 3;
  std::string names;
  for (std::size_t i = 0; i < std::min(kNamed, drops.reasons.size()); ++i) {
    names += (i == 0 ? "" : ", ") + drops.reasons[i].name;
  }
  return drops.reasons.size() > kNamed ? names + " and others" : names;
}

std::string explanation(const Drops& drops, const std::string& what, const std::string& where) {
  const model::DropImpact& impact = drops.impact();
  std::string text = fmt::format("This host's own kernel dropped {} {}:", what, where);
  for (std::size_t i = 0; i < drops.reasons.size(); ++i) {
    const Reason& reason = drops.reasons[i];
    text += fmt::format("{} {} for {}", i == 0 ? "" : ",", reason.count.packets, reason.name);
    if (reason.known != nullptr) text += fmt::format(" ({})", reason.known->words);
  }
  text += ".";
  std::vector<std::string> harm;
  if (impact.connects_failed > 0) harm.push_back(number_of(impact.connects_failed, "connect") + " failed");
  if (impact.connects_delayed > 0) {
    harm.push_back(number_of(impact.connects_delayed, "connect") + " took longer, or still tried at the end");
  }
  if (impact.exchanges_failed > 0) harm.push_back(number_of(impact.exchanges_failed, "exchange") + " failed");
  if (impact.retransmits > 0) {
    harm.push_back(fmt::format("{} followed ({} after a timeout)", number_of(impact.retransmits, "retransmission"),
                               impact.timeouts));
  }
  if (!harm.empty()) text += fmt::format(" On the same connections {}.", join(harm, ", "));
  if (harm.empty() && drops.impact().sockets > 0) text += " No harm by it is known.";
  return text;
}

std::string shown_command(const Drops& drops, std::string_view command) {
  std::string text(command);
  const auto put = [&text](std::string_view place, const std::string& value) {
    for (auto at = text.find(place); at != std::string::npos; at = text.find(place, at + value.size())) {
      text.replace(at, place.size(), value);
    }
  };
  const auto& device = drops.endpoint.picture->device;
  const bool is_plain = !device.empty() && std::all_of(device.begin(), device.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == '@';
  });
  put("DEVICE", is_plain ? device : "eth0");
  if (drops.endpoint.outbound()) put("ADDRESS", drops.endpoint.picture->key.at.address.to_string());
  put("ADDRESS", "CLIENT");
  return text;
}

void add_next_steps(model::Finding& finding, const Drops& drops) {
  for (const Reason& reason : drops.reasons) {
    if (reason.known == nullptr) continue;
    const std::string command = shown_command(drops, reason.known->command);
    const bool is_there = std::any_of(finding.next_steps.begin(), finding.next_steps.end(),
                                      [&](const model::NextStep& step) { return step.command == command; });
    if (!is_there) add_step(finding, Whose::kUs, std::string(reason.known->look), command);
  }
  if (finding.next_steps.empty()) {
    add_step(finding, Whose::kUs, "what the kernel means by this reason: include/net/dropreason-core.h",
             "nstat -az; tc -s qdisc; nft list ruleset");
  }
}

void name_sockets(const Drops& drops, Judged& judged) {
  const auto& sockets = drops.facts.picture.sockets;
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    const bool has_some = sockets[i].drops[static_cast<std::size_t>(drops.way)].packets > 0;
    if (!has_some || sockets[i].endpoint != drops.endpoint.index) continue;
    judged.finding.sockets.push_back(i);
    if (sockets[i].drops[static_cast<std::size_t>(drops.way)].explains_failure) judged.explains.push_back(i);
  }
}

// The loss of which it is nearly the whole explanation, by the words of retransmit-loss.
std::vector<std::string> explained_losses(const Drops& drops) {
  const model::Totals& totals = drops.endpoint.picture->totals;
  const auto nearly_all = [](std::uint64_t part, std::uint64_t whole) {
    return part > 0 && static_cast<double>(part) >= kLinkShare * static_cast<double>(whole);
  };
  std::vector<std::string> losses;
  if (nearly_all(drops.impact().retransmits, retransmits_of(totals))) losses.emplace_back("out");
  const std::uint64_t out_of_order = totals.out_of_order_segments.value_or(0);
  if (drops.way == DropWay::kIn && nearly_all(drops.sum.with_data, out_of_order)) losses.emplace_back("in");
  return losses;
}

void add_evidence(model::Finding& finding, const Drops& drops) {
  const model::DropImpact& impact = drops.impact();
  add(finding, kDirection, std::string(model::to_string(drops.way)));
  add(finding, kReasons, reason_list(drops));
  add(finding, kDroppedPackets, drops.sum.packets);
  add(finding, kDroppedSegments, drops.sum.segments);
  add(finding, kSynCount, drops.sum.syns);
  add(finding, kDataCount, drops.sum.with_data);
  add(finding, kSockets, impact.sockets);
  add(finding, kRetransmits, impact.retransmits);
  add(finding, kTimeouts, impact.timeouts);
  add(finding, kConnectsFailed, impact.connects_failed);
  add(finding, kConnectsDelayed, impact.connects_delayed);
  add(finding, kConnectCount, attempts_of(drops.endpoint, Of::kConnects, impact.connects_failed));
  add(finding, kExchangesFailed, impact.exchanges_failed);
  add(finding, kExchangeCount, attempts_of(drops.endpoint, Of::kExchanges, impact.exchanges_failed));
}

// The seconds of both ways, for which way it was is not kept by the second; and those in which the connections ended
// that had something dropped.
std::vector<std::int64_t> seconds_of(const Drops& drops, const std::vector<std::size_t>& sockets) {
  const Seconds cells(drops.facts, drops.endpoint);
  const auto length = static_cast<std::int64_t>(std::max(1.0, cells.cell_s()));
  std::set<std::int64_t> seconds;
  if (const auto* values = drops.endpoint.picture->series.find(model::SeriesId::kDrops)) {
    for (std::size_t i = 0; i < values->size(); ++i) {
      if ((*values)[i].value_or(0) == 0) continue;
      const std::int64_t first = drops.facts.utc_second(cells.begin_of(i));
      for (std::int64_t s = 0; s < length; ++s) seconds.insert(first + s);
    }
  }
  for (const std::size_t socket : sockets) {
    seconds.insert(drops.facts.utc_second(moment_of(drops.facts.picture.sockets[socket])));
  }
  return {seconds.begin(), seconds.end()};
}

std::optional<Judged> judge(const Drops& drops) {
  if (drops.sum.packets == 0) return std::nullopt;
  const model::DropImpact& impact = drops.impact();
  Judged judged;
  model::Finding& finding = judged.finding;
  finding.code = kDroppedByThisHost.code;
  finding.endpoint = drops.endpoint.index;
  finding.count = drops.sum.packets;
  finding.first_at = drops.sum.first_at.value_or(drops.facts.picture.window.start);
  finding.last_at = drops.sum.last_at.value_or(drops.facts.picture.window.end);
  finding.ongoing = finding.last_at + kListenOngoing >= drops.facts.picture.window.end;
  finding.severity = severity_of(drops);
  judged.may_be_raised = finding.severity > Severity::kNotice;
  judged.failures = drops.failures();
  judged.delayed = drops.delayed();
  judged.split = split_of(drops);
  name_sockets(drops, judged);
  judged.seconds = seconds_of(drops, finding.sockets);
  finding.impact.connects_failed = impact.connects_failed;
  finding.impact.exchanges_failed = impact.exchanges_failed;
  const Of of = impact.connects_failed > 0 ? Of::kConnects : Of::kExchanges;
  const std::uint64_t failed = of == Of::kConnects ? impact.connects_failed : impact.exchanges_failed;
  if (failed > 0) finding.impact.share_pct = share_pct(failed, attempts_of(drops.endpoint, of, failed));
  finding.share_pct = finding.impact.share_pct;
  judged.explains_splits = explained_losses(drops);
  add_evidence(finding, drops);
  grade_of(drops).write_to(finding);

  const std::string name = drops.endpoint.picture->key.at.to_string();
  const bool out = drops.way == DropWay::kOut;
  const std::string what = what_was_dropped(drops);
  const std::string where = drops.endpoint.outbound() ? fmt::format("{} {}", out ? "to" : "from", name)
                                                      : fmt::format("{} clients of {}", out ? "to" : "from", name);
  finding.title = fmt::format("this host dropped it: {}, {} {}", names_of(drops), what, where);
  finding.explanation = explanation(drops, what, where);
  add_next_steps(finding, drops);
  finding.disproved_by =
      out ? "the same sequence numbers are seen to leave by the device at these times (tcpdump on it)"
          : "the counter that the next step shows did not move at these times";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) {
  std::vector<Judged> result;
  for (const EndpointFacts& endpoint : facts.endpoints) {
    for (const DropWay way : {DropWay::kOut, DropWay::kIn}) {
      if (auto judged = judge(drops_of(facts, endpoint, way))) result.push_back(std::move(*judged));
    }
  }
  return result;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  out.push_back({"direction", e.text(kDirection) == "in" ? "received" : "on the way out"});
  out.push_back({"reasons", e.text(kReasons)});
  const std::string packets = e.some(kDroppedPackets, "packets");
  const std::string segments = e.some(kDroppedSegments, "segments");
  out.push_back(
      {"dropped", list_of({packets, segments, e.some(kSynCount, "with SYN"), e.some(kDataCount, "with data")})});
  out.push_back({"connections", e.some(kSockets, "had some of it dropped")});
  const std::string again = e.some(kRetransmits, "sent again");
  out.push_back({"explains",
                 list_of({again, e.some(kTimeouts, "after a timeout"), e.some(kConnectsDelayed, "connects delayed")})});
  e.skip({kConnectsFailed, kExchangesFailed, kConnectCount, kExchangeCount});  // in the impact
}

// What was dropped has to be sent again, and whoever waits for it waits on.
constexpr std::array kEffects = {
    Effect{&kRetransmitLoss, Shared::kSplit},
    Effect{&kConnectTimeout, Shared::kSockets},
    Effect{&kResponseTimeout, Shared::kSockets},
    Effect{&kFirstBytesUnanswered, Shared::kSockets},
    Effect{&kPeerResetAwaitingResponse, Shared::kSockets},
    Effect{&kPeerGaveUp, Shared::kSockets},
};

}  // namespace
}  // namespace dropped_by_this_host

const Rule kDroppedByThisHost{
    .code = "dropped-by-this-host",
    .family = model::Family::kDrops,
    .judge_picture = dropped_by_this_host::judge_picture,
    .evidence = dropped_by_this_host::kEvidence,
    .word_evidence = dropped_by_this_host::word_evidence,
    .effects = dropped_by_this_host::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
