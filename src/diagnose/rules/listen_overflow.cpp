// SPDX-License-Identifier: Apache-2.0
// listen-overflow: clients' connections were dropped on this host, because a listening socket's queue was full.
//
// The handshake ends in the kernel; the connection then waits for accept(). While more wait than the smaller of
// listen()'s backlog and net.core.somaxconn, the kernel drops SYNs and last ACKs (tcp_v4_conn_request,
// tcp_v4_syn_recv_sock), and the client repeats its SYN after 1, 3, 7 s. There is no tracepoint for it: the namespace's
// counters tell that it happened, and the queues that were found full at a sample tell where.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "diagnose/delay.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace listen_overflow {
namespace {

using model::Confidence;
using model::FullListener;
using model::MonoTime;
using model::NetnsPicture;
using model::Severity;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kListenOverflowsDelta{"listen_overflows_delta"};
constexpr EvidenceKey kListenDropsDelta{"listen_drops_delta"};
constexpr EvidenceKey kLocalPort{"local_port"};
constexpr EvidenceKey kAckBacklogMax{"ack_backlog_max"};
constexpr EvidenceKey kBacklogLimit{"backlog_limit"};
constexpr EvidenceKey kSomaxconn{"somaxconn"};
constexpr std::array kEvidence = {kListenOverflowsDelta, kListenDropsDelta, kLocalPort, kAckBacklogMax,
                                  kBacklogLimit,         kSomaxconn,        kComm};

// More than fit were waiting: the next one is dropped. A queue that is exactly full still takes one.
bool over_limit(const FullListener& listener) { return listener.backlog_max > listener.limit; }

struct Overflow {
  const Facts& facts;
  const NetnsPicture& netns;
  std::optional<std::uint64_t> overflows;
  std::optional<std::uint64_t> drops;
  std::uint64_t full_syn_queue = 0;        // among `drops`: syn-flood tells of them
  const FullListener* fullest = nullptr;   // found full most often; null: none was
  std::optional<std::uint16_t> port = {};  // absent: none, or listeners of several ports were found full
  const EndpointFacts* endpoint = nullptr;
  std::optional<std::uint32_t> somaxconn = {};

  std::uint64_t dropped() const {
    const std::uint64_t all = drops.value_or(0);
    return std::max(overflows.value_or(0), all - std::min(all, full_syn_queue));
  }
  bool counted() const { return overflows || drops; }
};

bool listens_for(const FullListener& listener, const EndpointFacts& endpoint) {
  return listener.local.port == endpoint.picture->key.at.port &&
         (listener.local.address.is_unspecified() || listener.local.address == endpoint.picture->key.at.address);
}

Overflow overflow_of(const Facts& facts, const NetnsPicture& netns) {
  Overflow o{.facts = facts,
             .netns = netns,
             .overflows = netns.counter("ListenOverflows"),
             .drops = netns.counter("ListenDrops"),
             .full_syn_queue = netns.counter("TCPReqQFullDrop").value_or(0)};
  if (!netns.full_listeners.empty()) {
    o.fullest = &netns.full_listeners.front();
    const bool one_port =
        std::all_of(netns.full_listeners.begin(), netns.full_listeners.end(),
                    [&](const FullListener& other) { return other.local.port == o.fullest->local.port; });
    if (one_port) o.port = o.fullest->local.port;
  }
  for (const EndpointFacts& endpoint : facts.endpoints) {
    const auto& key = endpoint.picture->key;
    if (!o.port || endpoint.outbound() || key.netns_inode != netns.inode) continue;
    const bool here = std::any_of(netns.full_listeners.begin(), netns.full_listeners.end(),
                                  [&](const FullListener& listener) { return listens_for(listener, endpoint); });
    if (here) {
      o.endpoint = &endpoint;
      break;
    }
  }
  if (const model::NetnsInfo* info = facts.picture.start.netns_of(netns.inode)) o.somaxconn = info->somaxconn;
  return o;
}

// The counters know no filter. With one, a listener that is not in the trace is somebody else's.
bool concerns_the_trace(const Overflow& o) {
  const model::Filters& filters = o.facts.picture.start.filters;
  if (o.endpoint != nullptr || !filters.limits_sockets()) return true;
  if (o.port) {
    return std::find(filters.local_ports.begin(), filters.local_ports.end(), *o.port) != filters.local_ports.end();
  }
  return std::any_of(o.facts.endpoints.begin(), o.facts.endpoints.end(), [&](const EndpointFacts& endpoint) {
    return !endpoint.outbound() && endpoint.picture->key.netns_inode == o.netns.inode;
  });
}

Severity severity_of(const Overflow& o) {
  // A queue beyond its limit, and nobody came: harmless so far. Where the counters are not known somebody may have.
  if (o.dropped() == 0) return o.counted() ? Severity::kNotice : Severity::kWarning;
  return o.dropped() >= kCriticalFailures && concerns_the_trace(o) ? Severity::kCritical : Severity::kWarning;
}

void place(Judged& judged, const Overflow& o) {
  const model::Window& window = o.facts.picture.window;
  std::vector<MonoTime> times;
  std::set<std::int64_t> seconds;
  bool lasted = false;
  for (const FullListener& listener : o.netns.full_listeners) {
    times.insert(times.end(), {listener.first_at, listener.last_at});
    const std::size_t before = seconds.size();
    add_seconds_of(o.facts, seconds, listener.first_at, listener.last_at, listener.samples, false);
    lasted = lasted || seconds.size() > before + 2;
  }
  if (const model::Rise& rise = o.netns.overflow; rise.first_at && rise.last_at) {
    times.insert(times.end(), {*rise.first_at, *rise.last_at});
    add_seconds_of(o.facts, seconds, *rise.first_at, *rise.last_at, rise.samples, lasted);
  }
  model::Finding& finding = judged.finding;
  finding.first_at = times.empty() ? window.start : *std::min_element(times.begin(), times.end());
  finding.last_at = times.empty() ? window.end : *std::max_element(times.begin(), times.end());
  finding.ongoing = !times.empty() && finding.last_at + kListenOngoing >= window.end;
  judged.seconds.assign(seconds.begin(), seconds.end());
}

Grade grade_of(const Overflow& o) {
  Grade grade(Confidence::kHigh);
  if (o.port && o.dropped() > 0) {
    grade.at_most(
        Confidence::kMedium,
        fmt::format("The kernel counts for the whole namespace; that it is port {} is concluded from its queue, "
                    "which was found full.",
                    *o.port));
  }
  common_steps(grade, o.facts, Feed::kCounters,
               o.counted() ? o.dropped() : (o.fullest != nullptr ? o.fullest->samples : 0));
  return grade;
}

std::string explanation(const Overflow& o, const OnlyProcess& process) {
  std::string text;
  if (o.dropped() > 0) {
    text = fmt::format(
        "The kernel of this host dropped {} of connections that clients were opening ({} because a listening socket's "
        "queue was full). A client whose packet is dropped repeats it after 1 s, and again, and waits or gives up.",
        number_of(o.dropped(), "packet"), o.overflows ? std::to_string(*o.overflows) : "not known how many");
  } else {
    text = fmt::format("More connections waited for accept() than its queue takes{}.",
                       o.counted() ? "; none was dropped in this time" : "; how many were dropped is not known");
  }
  if (o.fullest != nullptr) {
    text += fmt::format(" The queue of {} was full at {}: {} connections waited for accept(), {} are allowed.",
                        o.fullest->local.to_string(), number_of(o.fullest->samples, "sample"), o.fullest->backlog_max,
                        o.fullest->limit);
    if (!o.port) text += " Listeners of other ports were found full, too.";
  } else {
    text += " Which listening socket it is was not seen: none was full when it was looked, once a second.";
  }
  if (!process.comm.empty()) text += fmt::format(" {} does not accept fast enough.", process.comm);
  if (o.dropped() > 0 && !concerns_the_trace(o)) {
    text += " No connection of this trace came by that socket: the counter is the whole namespace's.";
  }
  return text;
}

void add_next_steps(model::Finding& finding, const Overflow& o, const OnlyProcess& process) {
  const bool by_somaxconn = o.fullest != nullptr && o.somaxconn && o.fullest->limit == *o.somaxconn;
  const bool by_listen = o.fullest != nullptr && o.somaxconn && o.fullest->limit < *o.somaxconn;
  add_step(finding, Whose::kUs, "why is accept() slow: blocked workers, CPU, a stopped process",
           pidstat_command(process));
  add_step(finding, Whose::kUs,
           by_somaxconn ? fmt::format("raise net.core.somaxconn (now {}) and the application's own listen() backlog",
                                      *o.somaxconn)
           : by_listen  ? fmt::format("raise the application's listen() backlog (now {}; net.core.somaxconn allows {})",
                                      o.fullest->limit, *o.somaxconn)
                        : std::string("raise the application's listen() backlog and net.core.somaxconn"),
           "sysctl net.core.somaxconn");
  add_step(finding, Whose::kUs, "watch the queue: Recv-Q waits for accept(), Send-Q is the limit",
           o.port ? fmt::format("ss -ltn sport = :{}", *o.port) : std::string("ss -ltn"));
}

std::optional<Judged> judge(const Facts& facts, const NetnsPicture& netns) {
  const Overflow o = overflow_of(facts, netns);
  const bool beyond = std::any_of(netns.full_listeners.begin(), netns.full_listeners.end(), over_limit);
  if (o.dropped() == 0 && !beyond) return std::nullopt;

  Judged judged;
  model::Finding& finding = judged.finding;
  finding.code = kListenOverflow.code;
  if (o.endpoint != nullptr) finding.endpoint = o.endpoint->index;
  finding.severity = severity_of(o);
  finding.count =
      std::max<std::uint64_t>(o.dropped() > 0 || o.fullest == nullptr ? o.dropped() : o.fullest->samples, 1);
  judged.failures = finding.severity == Severity::kCritical ? o.dropped() : 0;
  judged.split = fmt::format("{:010}", netns.inode);
  place(judged, o);
  grade_of(o).write_to(finding);

  const OnlyProcess process = o.endpoint != nullptr ? only_process(*o.endpoint->picture) : OnlyProcess{};
  const auto from_fullest = [&](std::uint32_t FullListener::*field) -> std::optional<std::uint64_t> {
    if (o.fullest == nullptr) return std::nullopt;
    return std::uint64_t{o.fullest->*field};
  };
  add(finding, kListenOverflowsDelta, o.overflows);
  add(finding, kListenDropsDelta, o.drops);
  add(finding, kLocalPort, std::optional<std::uint64_t>(o.port));
  add(finding, kAckBacklogMax, from_fullest(&FullListener::backlog_max));
  add(finding, kBacklogLimit, from_fullest(&FullListener::limit));
  add(finding, kSomaxconn, std::optional<std::uint64_t>(o.somaxconn));
  add_comm(finding, process);

  const std::string where = o.port ? fmt::format("port {}", *o.port) : std::string("a listening socket");
  finding.title = o.dropped() > 0
                      ? fmt::format("this host dropped {} of clients: the accept queue of {} was full",
                                    number_of(o.dropped(), "connection attempt", "connection attempts"), where)
                      : fmt::format("the accept queue of {} of this host was full", where);
  finding.explanation = explanation(o, process);
  add_next_steps(finding, o, process);
  finding.disproved_by = "the counter does not move while clients report timeouts (nstat -az TcpExtListenOverflows)";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) { return each_netns(facts, judge); }

void word_evidence(EvidenceReader& e, Rows& out) {
  const auto overflows = e.count(kListenOverflowsDelta);
  const auto drops = e.count(kListenDropsDelta);
  out.push_back({"counted", list_of({overflows ? fmt::format("ListenOverflows +{}", *overflows) : "",
                                     drops ? fmt::format("ListenDrops +{}", *drops) : ""})});
  out.push_back({"port", e.text(kLocalPort)});
  const std::string backlog = e.text(kAckBacklogMax);
  const std::string limit = e.text(kBacklogLimit);
  out.push_back({"accept queue", list_of({with("", backlog, " waiting at most"), with("limit ", limit)})});
  out.push_back({"net.core.somaxconn", e.text(kSomaxconn)});
  out.push_back({"accepted by", e.text(kComm)});
}

// A full queue drops SYNs.
constexpr std::array kEffects = {Effect{&kConnectTimeout, Shared::kListener}, Effect{&kSlowConnect, Shared::kListener}};

}  // namespace
}  // namespace listen_overflow

const Rule kListenOverflow{
    .code = "listen-overflow",
    .family = model::Family::kListening,
    .judge_picture = listen_overflow::judge_picture,
    .evidence = listen_overflow::kEvidence,
    .word_evidence = listen_overflow::word_evidence,
    .effects = listen_overflow::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
