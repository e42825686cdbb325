// SPDX-License-Identifier: Apache-2.0
// syn-flood: more connections were half open than a listening socket's queue of them takes.
//
// A SYN makes a request that waits for the handshake's last ACK. While more of them wait than listen()'s backlog allows
// (inet_csk_reqsk_queue_is_full()), tcp_conn_request() either answers by a SYN cookie (RFC 4987 section 3.6), keeping
// nothing, or with net.ipv4.tcp_syncookies=0 drops the SYN; tcp_syn_flood_action() counts which. The cookie that comes
// back in an ACK makes the connection. What of the SYN's options survives (cookie_init_timestamp(),
// cookie_timestamp_decode()): the MSS, rounded down to one of four; window scaling, SACK and ECN in the low bits of the
// SYN-ACK's timestamp, so only of clients that use TCP timestamps, and where this host does.
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
namespace syn_flood {
namespace {

using model::Confidence;
using model::NetnsPicture;
using model::Severity;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kFullQueueCookiesDelta{"full_queue_cookies_delta"};
constexpr EvidenceKey kFullQueueDropsDelta{"full_queue_drops_delta"};
constexpr EvidenceKey kCookiesSentDelta{"cookies_sent_delta"};
constexpr EvidenceKey kCookiesReturnedDelta{"cookies_returned_delta"};
constexpr EvidenceKey kSyncookies{"syncookies"};
constexpr EvidenceKey kSomaxconn{"somaxconn"};
constexpr std::array kEvidence = {kFullQueueCookiesDelta, kFullQueueDropsDelta, kCookiesSentDelta,
                                  kCookiesReturnedDelta,  kSyncookies,          kSomaxconn};

constexpr std::uint32_t kCookiesAlways = 2;  // net.ipv4.tcp_syncookies, for tests of the network

struct Flood {
  std::optional<std::uint32_t> syncookies;
  std::optional<std::uint32_t> somaxconn;
  std::uint64_t cookies = 0;  // SYNs that met a full queue and got one
  std::uint64_t dropped = 0;  // SYNs that met a full queue and got nothing
  std::optional<std::uint64_t> sent;
  std::optional<std::uint64_t> returned;

  std::uint64_t syns() const { return cookies + dropped; }
  // Nobody completed the handshake: in a burst of clients most do.
  std::uint64_t unanswered() const { return cookies - std::min(cookies, returned.value_or(0)); }
};

Flood flood_of(const Facts& facts, const NetnsPicture& netns) {
  Flood flood;
  if (const model::NetnsInfo* info = facts.picture.start.netns_of(netns.inode)) {
    flood.syncookies = info->sysctls.syncookies;
    flood.somaxconn = info->somaxconn;
  }
  // Where every SYN gets a cookie this counter says nothing of the queue.
  const bool tells_of_queue = flood.syncookies != kCookiesAlways;
  flood.cookies = tells_of_queue ? netns.counter("TCPReqQFullDoCookies").value_or(0) : 0;
  flood.dropped = netns.counter("TCPReqQFullDrop").value_or(0);
  flood.sent = netns.counter("SyncookiesSent");
  flood.returned = netns.counter("SyncookiesRecv");
  return flood;
}

void place(Judged& judged, const Facts& facts, const model::Rise& rise, const Flood& flood) {
  model::Finding& finding = judged.finding;
  const model::Window& window = facts.picture.window;
  finding.first_at = rise.first_at.value_or(window.start);
  finding.last_at = rise.last_at.value_or(window.end);
  finding.ongoing = rise.last_at && finding.last_at + kListenOngoing >= window.end;
  if (flood.dropped == 0) return;  // a cookie makes no client wait, so it is no cause of that
  std::set<std::int64_t> seconds;
  add_seconds_of(facts, seconds, finding.first_at, finding.last_at, rise.samples, false);
  judged.seconds.assign(seconds.begin(), seconds.end());
}

Grade grade_of(const Facts& facts, const Flood& flood) {
  Grade grade(Confidence::kHigh);
  if (flood.cookies > 0 && !flood.syncookies) {
    grade.at_most(Confidence::kMedium,
                  "net.ipv4.tcp_syncookies is not known: at 2 every SYN is answered by a cookie, full queue or not.");
  }
  common_steps(grade, facts, Feed::kCounters, flood.syns());
  return grade;
}

std::string explanation(const Facts& facts, const Flood& flood) {
  std::string text = fmt::format("{} met a full queue of half-open connections", number_of(flood.syns(), "SYN"));
  if (flood.cookies > 0) {
    text += fmt::format("; {} answered by SYN cookies{}. ", number_of(flood.cookies, "was", "were"),
                        flood.returned ? fmt::format(", of which {} came back in an ACK", *flood.returned) : "");
    text +=
        "A client served by a cookie is connected; without TCP timestamps at both ends it has neither window scaling "
        "(at most 64 KiB a round trip) nor selective acknowledgements on that connection.";
  } else {
    text += ".";
  }
  if (flood.dropped > 0) {
    text += fmt::format(" {} dropped: a client repeats its SYN after 1 s, and again, and waits or gives up.",
                        number_of(flood.dropped, "was", "were"));
  }
  text += fmt::format(" The counters are the whole namespace's{}: which listening socket it was is not seen.",
                      facts.picture.start.filters.limits_sockets() ? ", whatever the filter" : "");
  return text;
}

void add_next_steps(model::Finding& finding, const Flood& flood) {
  add_step(finding, Whose::kUs, "who sends them: half-open connections by port and by address",
           "ss -tan state syn-recv");
  add_step(finding, Whose::kUs,
           "addresses that never answer: have the SYNs dropped before this host (the cloud's or provider's protection "
           "against floods, a load balancer), or use the firewall's SYNPROXY");
  add_step(finding, Whose::kUs,
           fmt::format("real clients in a burst: raise the application's listen() backlog and net.core.somaxconn{}",
                       flood.somaxconn ? fmt::format(" (now {})", *flood.somaxconn) : ""),
           "sysctl net.core.somaxconn net.ipv4.tcp_max_syn_backlog");
  if (flood.dropped > 0) {
    add_step(finding, Whose::kUs, "let the kernel answer by cookies instead of dropping",
             "sysctl -w net.ipv4.tcp_syncookies=1");
  }
}

std::optional<Judged> judge(const Facts& facts, const NetnsPicture& netns) {
  const Flood flood = flood_of(facts, netns);
  if (flood.syns() == 0) return std::nullopt;

  Judged judged;
  model::Finding& finding = judged.finding;
  finding.code = kSynFlood.code;
  finding.count = flood.syns();
  finding.severity = flood.dropped > 0 || flood.unanswered() >= kFloodCookies ? Severity::kWarning : Severity::kNotice;
  judged.split = fmt::format("{:010}", netns.inode);
  place(judged, facts, netns.full_syn_queue, flood);
  grade_of(facts, flood).write_to(finding);

  add(finding, kFullQueueCookiesDelta, netns.counter("TCPReqQFullDoCookies"));
  add(finding, kFullQueueDropsDelta, netns.counter("TCPReqQFullDrop"));
  add(finding, kCookiesSentDelta, flood.sent);
  add(finding, kCookiesReturnedDelta, flood.returned);
  add(finding, kSyncookies, std::optional<std::uint64_t>(flood.syncookies));
  add(finding, kSomaxconn, std::optional<std::uint64_t>(flood.somaxconn));

  finding.title =
      flood.cookies == 0
          ? fmt::format("this host dropped {}: too many connections were half open", number_of(flood.dropped, "SYN"))
          : fmt::format("this host answered {} by cookies: too many connections were half open",
                        number_of(flood.cookies, "SYN"));
  finding.explanation = explanation(facts, flood);
  add_next_steps(finding, flood);
  finding.disproved_by =
      "neither counter moves (nstat -az TcpExtTCPReqQFullDoCookies TcpExtTCPReqQFullDrop), or net.ipv4.tcp_syncookies "
      "was 2 meanwhile";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) { return each_netns(facts, judge); }

void word_evidence(EvidenceReader& e, Rows& out) {
  const std::string cookies = e.text(kFullQueueCookiesDelta);
  const std::string drops = e.text(kFullQueueDropsDelta);
  out.push_back(
      {"queue was full", list_of({with("TCPReqQFullDoCookies +", cookies), with("TCPReqQFullDrop +", drops)})});
  const std::string sent = e.text(kCookiesSentDelta);
  const std::string returned = e.text(kCookiesReturnedDelta);
  out.push_back({"cookies", list_of({with("SyncookiesSent +", sent), with("SyncookiesRecv +", returned)})});
  out.push_back({"tcp_syncookies", e.text(kSyncookies)});
  out.push_back({"net.core.somaxconn", e.text(kSomaxconn)});
}

// A SYN that is dropped.
constexpr std::array kEffects = {Effect{&kConnectTimeout, Shared::kListener}, Effect{&kSlowConnect, Shared::kListener}};

}  // namespace
}  // namespace syn_flood

const Rule kSynFlood{
    .code = "syn-flood",
    .family = model::Family::kListening,
    .judge_picture = syn_flood::judge_picture,
    .evidence = syn_flood::kEvidence,
    .word_evidence = syn_flood::word_evidence,
    .effects = syn_flood::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
