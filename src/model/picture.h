// SPDX-License-Identifier: Apache-2.0
// Picture: what the correlator made of all events and samples. The rules read nothing else; the report shows it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/endpoint.h"
#include "model/event.h"
#include "model/histogram.h"
#include "model/measure.h"
#include "model/path_signs.h"
#include "model/sample.h"
#include "model/socket.h"

namespace tcpdiag::model {

using RetransmitCounts = std::array<std::uint64_t, kRetransmitKinds>;  // events, by RetransmitKind

enum class ConnectOutcome : std::uint8_t {
  kEstablished,
  kRefused,
  kReset,
  kTimedOut,
  kUnreachable,
  kAbandoned,
  kLocalError,
  kPending,
};
inline constexpr std::size_t kConnectOutcomes = 8;
const char* to_string(ConnectOutcome outcome);  // "established", "refused", ...

// How a connection ended, with the circumstances that decide whose doing it was. Made when a RST passes, when the
// application or the peer closes, or when the kernel gives up; the first of them wins, so a socket has one at most.
enum class EndKind : std::uint8_t {
  kResetReceived,  // a RST from the peer (or from something on the path)
  kResetSent,      // our RST
  kClosedLocally,  // our FIN first
  kClosedByPeer,   // the peer's FIN first
  kTimedOut,       // the kernel gave up: retransmissions, keepalive, user timeout
  kConnectFailed,  // never established; see SocketStory::outcome
};

// A last write of up to this many bytes may be a goodbye: HTTP/2 GOAWAY and TLS close_notify together are about 90
// bytes, QUIT commands less.
inline constexpr std::uint32_t kGoodbyeBytes = 256;

struct SocketEnd {
  EndKind kind = EndKind::kClosedLocally;
  MonoTime at{};
  Phase phase = Phase::kEstablished;
  bool outstanding = false;                     // a request had begun and no byte of its response had come
  bool in_response = false;                     // the response had begun, and its last byte came less than 1 s before
  bool after_peer_fin = false;                  // the peer's FIN had been seen before
  std::optional<Duration> age;                  // connect -> end
  std::optional<Duration> idle;                 // last data either way -> end
  std::optional<Duration> wait;                 // first byte of the oldest unanswered request -> end
  std::optional<Duration> idle_before_request;  // silence both ways before that request's first byte
  std::optional<Duration> last_write_to_end;    // our last payload -> end
  std::optional<Duration> fin_to_write;         // peer's FIN -> our first write after it (peer-closed-before-reuse)
  std::optional<Duration> idle_at_fin;          // last data either way -> the peer's FIN
  std::optional<Duration> ack_after;            // last byte of the request -> its ACK
  std::optional<MonoTime> fin_at;               // of the peer's FIN
  // Of kResetReceived, where the newest thing that this host had sent were bytes that it had sent before, or a probe:
  // so long before the RST.
  std::optional<Duration> retransmit_to_end;
  std::optional<bool> request_acked;  // null: unknown
  std::uint32_t request_bytes = 0;
  std::uint32_t response_bytes = 0;  // of this exchange, before the end
  // Of a RST into a request that was outstanding: the peer had sent so much of an answer before it had all of the
  // request (Flow).
  std::uint32_t answered_early_bytes = 0;
  std::uint8_t probes_unanswered = 0;      // of keepalive, or into a zero window
  std::uint64_t bytes_received_total = 0;  // in the socket's life; 0: the peer never sent a byte
  std::uint32_t request_retransmits = 0;
  std::uint32_t request_rtos = 0;
  std::uint32_t unacked_bytes = 0;
  std::uint32_t unread_bytes = 0;
  std::uint32_t mss = 0;
  // Of a response, outbound: bytes that were missing in the end while later ones had come, and for how long.
  std::uint32_t hole_bytes = 0;
  std::optional<Duration> hole_for;
  bool full_segment_acked = false;           // of what this host sent
  std::uint32_t largest_received = 0;        // payload of one packet, of merged ones together
  std::optional<Duration> response_silence;  // in a response: its newest byte -> end
  std::optional<Duration> reader_waited;     // of that, at the least, while a thread waited to read
  std::optional<Duration> response_gap;      // longest silence within it before
  bool stalled = false;                      // it began and stopped, and this host waited for more of it
  // The peer reported a repeated segment as a duplicate (DSACK, RFC 2883) while a request was sent again: it had it.
  bool request_reported_twice = false;
  std::optional<std::uint32_t> srtt_us;
  std::optional<std::uint32_t> rtt_us;  // newest sample before the end
  std::optional<Duration> app_gap;  // of the call that ended so (outbound); app_gap + wait: since the user's request
  bool app_gap_ambiguous = false;
  bool keepalive_on = false;
  bool process_exiting = false;
  bool by_application = false;
  int socket_error = 0;  // errno the application got or will get; 0: none
  // of kResetSent
  std::optional<LocalResetCause> cause;
  bool cause_from_kernel = false;  // else derived from the socket's state
  std::string kernel_reason;       // name of the kernel's reason; empty: none given
};

enum class Terminator : std::uint8_t { kNone, kLocal, kRemote };
enum class EndedWith : std::uint8_t { kFin, kRst, kTimeout };

// Packets that this host dropped for one reason.
struct DropCount {
  std::uint64_t packets = 0;  // as the kernel frees them: one may stand for many segments
  std::uint64_t segments = 0;
  std::uint64_t syns = 0;  // packets, SYN-ACKs among them
  std::uint64_t with_data = 0;
  std::optional<MonoTime> first_at;
  std::optional<MonoTime> last_at;

  DropCount& operator+=(const DropCount& other);
};
using DropCounts = std::array<std::map<std::string, DropCount>, kDropWays>;  // by DropWay, then the kernel's reason

// What packets that were dropped on the same sockets explain.
struct DropImpact {
  std::uint64_t sockets = 0;  // that had one
  std::uint64_t connects_failed = 0;
  std::uint64_t connects_delayed = 0;
  std::uint64_t exchanges_failed = 0;
  std::uint64_t retransmits = 0;  // of the same bytes, or whose answer was dropped
  std::uint64_t timeouts = 0;     // of them: RTO, SYN

  DropImpact& operator+=(const DropImpact& other);
};

// Of one socket and one way.
struct SocketDrops {
  std::uint64_t packets = 0;
  std::uint64_t syns = 0;
  std::optional<MonoTime> first_at;
  std::optional<MonoTime> last_at;
  bool explains_failure = false;  // that the connect, or the exchange under way at its end, failed
};

struct ResetCounts {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
};

// Look-ups of names that a process waited for, as far as they could be told to be its: all that were on their way
// together are one.
struct LookUpBefore {
  MonoTime first_at{};          // the first query
  Duration took{};              // from the first query to the answer that ended it, or to what followed
  std::uint32_t queries = 0;    // each with all its repeats
  std::uint32_t repeats = 0;    // of a query, or the same one to another resolver
  bool answered = false;        // with what the process asked for; else by nobody, or by an error
  SocketAddress resolver = {};  // that was waited for longest
  std::string name = {};        // that was waited for longest, untrusted; empty: not read
};

// One socket worth keeping: it failed, or it is among the slowest of its endpoint.
struct SocketStory {
  SocketRef socket;
  std::size_t endpoint = 0;  // index into Picture::endpoints
  std::optional<Owner> owner;
  std::string cgroup_path;
  std::optional<MonoTime> opened_at;  // absent: before the trace
  MonoTime first_seen_at{};
  std::optional<MonoTime> closed_at;       // absent: open at the end
  std::optional<ConnectOutcome> outcome;   // outbound and opened during the trace
  std::optional<Duration> connect_took;    // start -> outcome; pending: -> end of the trace
  int connect_error = 0;                   // errno of a failed connect, 0: none
  int syn_error = 0;                       // errno with which sending a SYN failed last, 0: none seen
  std::uint64_t failed_transmissions = 0;  // SYNs that could not be sent
  std::uint32_t syns_sent = 0;             // first SYN and its retransmissions
  std::uint32_t icmp_errors = 0;           // soft errors reported while connecting
  // Of a refused connect: another connect of the same process to the same remote port, whatever the address, was
  // established within 1 s before or after (RFC 8305, happy eyeballs). Absent: not determined, the rules then look
  // among Picture::sockets, which holds only some of the good ones.
  std::optional<bool> served_elsewhere;
  Terminator ended_by = Terminator::kNone;
  std::optional<EndedWith> ended_with;
  std::optional<SocketEnd> end;  // absent while open
  std::uint64_t exchanges = 0;
  std::uint64_t exchanges_failed = 0;    // 0 or 1: an exchange fails by the socket's end
  bool exchange_pending = false;         // outstanding at the end of the trace
  std::optional<Duration> pending_wait;  // how long it has been outstanding then
  // Of the newest request, answered or not: when its first byte left, what of it was not acknowledged, its timeouts.
  std::optional<MonoTime> request_at;
  std::uint32_t request_unacked_bytes = 0;
  std::uint32_t request_rtos = 0;
  std::optional<MonoTime> heard_at;  // newest segment of the peer while the connection was established
  // Resets without a socket that this host sent in this connection's name: the packet that they answer came from
  // `stray_reset_to` to its local port (outbound), or from its client (inbound).
  std::uint64_t stray_resets = 0;
  std::optional<MonoTime> stray_reset_at;  // the first
  std::optional<SocketAddress> stray_reset_to;
  std::optional<Duration> late_syn_ack;  // connect given up -> the SYN-ACK, which this host answered by a RST
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  RetransmitCounts retransmits{};
  std::uint64_t retransmits_unseen = 0;  // segments that the socket counts and no event told of: their kind is unknown
  std::uint64_t retransmitted_segments = 0;
  ResetCounts resets;
  std::optional<std::uint64_t> first_byte_max_us;
  std::optional<Duration> app_gap;  // of its newest call
  // Inbound: the longest that a request waited for its answer, at least kSlowAnswerAfter, while the thread that read it
  // began no call. Absent: none did.
  std::optional<Duration> no_call_wait;
  std::array<SocketDrops, kDropWays> drops{};  // by DropWay
  std::optional<LookUpBefore> look_up;         // outbound: of its process, just before the connect
  // Inbound, with no_call_wait: the longest that its process waited for a name during that.
  std::optional<LookUpBefore> no_call_look_up;
  std::vector<TimelineMark> timeline;  // the newest are dropped first, in the middle
};

struct RetransmitFailures {
  std::optional<std::uint64_t> busy;  // absent: this kernel does not tell
  std::optional<std::uint64_t> other;
};

// The counts of the report's "totals", for the whole trace or for one endpoint.
struct Totals {
  std::uint64_t sockets_seen = 0;
  std::uint64_t sockets_open_peak = 0;
  std::uint64_t sockets_open_at_end = 0;
  std::uint64_t connects = 0;  // outbound attempts begun during the trace
  std::array<std::uint64_t, kConnectOutcomes> connect_outcomes{};
  RetransmitCounts retransmits{};
  std::uint64_t retransmits_unseen = 0;  // see SocketStory
  std::uint64_t retransmitted_segments = 0;
  std::optional<std::uint64_t> spurious_retransmits;
  RetransmitFailures retransmit_failures;
  std::optional<std::uint64_t> out_of_order_segments;
  // Segments that filled a hole in what arrived; absent: there are no sums of the source.
  std::optional<std::uint64_t> recovered_in;  // sent again: they were lost before
  std::optional<std::uint64_t> reordered_in;  // the first copy, late
  ResetCounts resets;
  std::map<std::string, std::uint64_t> reset_reasons;                // of resets sent, by the kernel's name
  bool reset_reasons_known = false;                                  // this kernel tells reasons
  std::array<std::optional<std::uint64_t>, kPhases> reset_phases{};  // absent: not visible on this kernel
  DropCounts drops;
  bool drops_known = false;  // this kernel tells of drops
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::optional<std::uint64_t> segments_sent;
  std::optional<std::uint64_t> segments_received;
  std::uint64_t exchanges = 0;  // responses begun
  std::uint64_t exchanges_failed = 0;
  std::uint64_t exchanges_pending = 0;
  std::optional<std::uint64_t> zero_window_sent_us;
  std::optional<std::uint64_t> zero_window_received_us;
  // Of the traced namespaces as a whole, whatever the filters; absent for one endpoint, and where they could not be
  // read.
  std::optional<std::uint64_t> listen_overflows;
  std::optional<std::uint64_t> listen_drops;
};

struct ProcessShare {
  std::string comm;
  std::string cgroup;               // path, empty: unknown
  std::vector<std::uint32_t> pids;  // sorted
  std::uint64_t sockets_seen = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t exchanges = 0;
  std::uint64_t sockets_open_at_end = 0;
};

struct PeerShare {  // of an inbound endpoint
  Address address;
  std::uint64_t sockets_seen = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
};

// Sockets of one outcome side by side: "good", "reset", "no_answer", "refused", "timeout".
struct OutcomeGroup {
  std::string outcome;
  std::uint64_t count = 0;
  std::optional<std::uint64_t> request_p50_bytes;
  std::optional<std::uint64_t> idle_before_request_p50_us;
  std::optional<std::uint64_t> app_gap_p50_us;
  std::optional<std::uint64_t> reused;  // connections that had had an exchange before
  std::optional<std::uint64_t> first_byte_p50_us;
  std::optional<std::uint64_t> first_byte_p99_us;
};

// Inbound requests that waited kSlowAnswerAfter or more, answered or not, by what the thread that read them did
// meanwhile.
struct SlowAnswers {
  std::uint64_t no_call = 0;    // it began no call
  std::uint64_t with_call = 0;  // it began one at least
  std::uint64_t unknown = 0;    // nobody read the request, or the thread was not followed
  Histogram no_call_wait_us;
  std::optional<MonoTime> first_at;  // of no_call: when the request began
  std::optional<MonoTime> last_at;   // its answer, or the end of the trace
  std::uint64_t ongoing = 0;         // of no_call: unanswered at the end
};

// Connects that succeeded late: a SYN was repeated, or the answer took at least kSlowConnect and 5 floors.
struct SlowConnects {
  std::uint64_t count = 0;
  std::uint64_t resent = 0;       // of these: after a repeated SYN
  std::uint64_t resent_syns = 0;  // repeated SYNs of all of them
  Histogram took_us;
  std::optional<MonoTime> first_at;  // when they were established
  std::optional<MonoTime> last_at;
};
inline constexpr Duration kSlowConnect = std::chrono::milliseconds(250);
inline constexpr std::uint32_t kSlowConnectFloors = 5;

// How much is known of the time between the user's request and the calls to this endpoint.
struct AppGap {
  std::uint64_t calls = 0;
  std::uint64_t with_gap = 0;
  std::uint64_t ambiguous = 0;  // of with_gap
  std::uint64_t threads =
      0;                // that made calls with a gap; at least, since only the newest call of a socket is looked at
  Histogram good_us;    // calls that did not fail
  Histogram failed_us;  // the last call of sockets that failed
  std::optional<double> coverage_pct() const {
    if (calls == 0) return std::nullopt;
    return 100.0 * static_cast<double>(with_gap) / static_cast<double>(calls);
  }
};

// A listening socket that was found full at one sample or more.
struct FullListener {
  SocketAddress local;
  std::uint32_t backlog_max = 0;
  std::uint32_t limit = 0;
  std::uint64_t samples = 0;  // at which it was full
  MonoTime first_at{};
  MonoTime last_at{};
};

// When counters rose: the samples between which, and at how many.
struct Rise {
  std::optional<MonoTime> first_at = {};
  std::optional<MonoTime> last_at = {};
  std::uint64_t samples = 0;
};

// One traced namespace: how far the kernel's own counters moved in the window.
struct NetnsPicture {
  std::uint32_t inode = 0;
  std::map<std::string, std::uint64_t> counters;  // deltas by the kernel's names; empty: they could not be read
  std::vector<FullListener> full_listeners;       // by samples, descending, then address; at most 10
  Rise overflow;                                  // ListenOverflows, ListenDrops
  Rise full_syn_queue;                            // TCPReqQFullDrop, TCPReqQFullDoCookies
  bool gone = false;                              // it died during the trace

  // Absent: it could not be read.
  std::optional<std::uint64_t> counter(const char* name) const {
    const auto found = counters.find(name);
    return found == counters.end() ? std::nullopt : std::optional(found->second);
  }
};

using HistogramMap = std::map<Measure, Histogram>;  // absent: not measured

// What the rules need of one whole second (aligned to UTC) of one endpoint, beside the series that are shown. In a
// long trace, of as many seconds as Series::interval_s says. Where samples of the source are missing, counts are spread
// evenly over the seconds between, and these have no samples of delays.
struct Second {
  std::uint64_t exchanges = 0;
  std::uint64_t rtt_samples = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t segments_sent = 0;
  std::uint64_t segments_received = 0;
  std::uint64_t out_of_order = 0;
  std::uint64_t retransmits_rto = 0;
  std::uint64_t path_samples = 0;
  PathSigns path_signs;
  std::uint64_t path_in_samples = 0;
  std::uint64_t host_queue_samples = 0;
  std::uint64_t read_wait_samples = 0;
  std::uint64_t zero_window_received_us = 0;
  std::uint64_t busy_us = 0;  // of all sockets together, as the next two: see EndpointSample
  std::uint64_t rwnd_limited_us = 0;
  std::uint64_t sndbuf_limited_us = 0;
  std::optional<std::uint64_t> path_rtt_p50_us;  // floor not subtracted
  std::optional<std::uint64_t> path_rtt_p10_us;
  std::optional<std::uint64_t> path_queue_in_p50_us;
  std::optional<std::uint64_t> host_queue_p50_us;
  std::optional<std::uint64_t> host_queue_p99_us;
  std::optional<std::uint64_t> connect_p50_us;  // SYN RTT of connects that ended in this second
  bool whole = true;  // false: only partly in the trace (the first, the last), or not yet sampled
};

// One value a second; null where nothing was measured.
struct Series {
  std::int64_t start_offset_us = 0;
  double interval_s = 1;
  std::size_t n = 0;
  using Values = std::vector<std::optional<std::int64_t>>;
  std::map<SeriesId, Values> arrays;  // absent: not measured

  const Values* find(SeriesId id) const {  // null: not measured
    const auto found = arrays.find(id);
    return found == arrays.end() ? nullptr : &found->second;
  }
};

// Connections that this program made itself (--probe). They are counted nowhere else.
struct ProbeCounts {
  std::uint64_t made = 0;
  std::uint64_t answered = 0;  // by the peer's kernel
};

// Small writes that waited for the other end's delayed ACK (Nagle's algorithm).
struct NagleWaits {
  std::uint64_t count = 0;
  std::uint64_t sum_us = 0;
};

struct EndpointPicture {
  EndpointKey key;
  RoleSource role_source = RoleSource::kUnknown;
  MonoTime first_seen_at{};
  MonoTime last_seen_at{};
  Totals totals;
  std::optional<double> mean_request_bytes;
  std::optional<double> mean_response_bytes;
  std::optional<std::uint64_t> rtt_floor_us;
  std::string rtt_floor_source;         // "handshake", "kernel", "option", "window", empty: none
  bool window_has_low_sample = false;   // some path RTT of this trace is below a third of their p50
  std::vector<ProcessShare> processes;  // by bytes, at most 10 and "others"
  std::vector<PeerShare> peers;         // inbound only, at most 10
  std::vector<OutcomeGroup> outcomes;
  HistogramMap histograms;  // path_queue has the floor subtracted
  std::uint64_t path_queue_ambiguous = 0;
  Series series;
  std::vector<Second> seconds;  // as many as the series has values, each of the same time; empty: never sampled
  std::uint32_t wire_header_bytes = 66;  // of a segment on the wire: Ethernet, IP, TCP with timestamps
  // Sockets with >= 5 path samples whose own rise is within a factor of 2 of the endpoint's: the median of its sockets'
  // rises, each counted with its samples. All below 1 ms are alike.
  std::optional<double> flows_agree_pct;
  std::uint64_t flows = 0;  // such sockets
  std::uint64_t unread_bytes_max = 0;
  std::uint64_t zero_window_stalls = 0;
  std::uint64_t zero_window_longest_us = 0;
  // See EndpointSample. Absent: not measured, or this kernel does not tell.
  std::optional<std::uint64_t> busy_us;
  std::optional<std::uint64_t> rwnd_limited_us;
  std::optional<std::uint64_t> sndbuf_limited_us;
  std::string device;  // that its segments left by; empty: none seen
  // Why there is no path_queue_in: "no_timestamps", "tick_unknown", "no_own_floor", "not_measured" (the source had no
  // room for this endpoint); empty: there is.
  std::string path_queue_in_missing;
  AppGap app_gap;              // outbound
  SlowAnswers slow_answers;    // inbound
  SlowConnects slow_connects;  // outbound
  ProbeCounts probes;          // outbound
  NagleWaits nagle_own;        // this host's writes
  NagleWaits nagle_peer;
  // Longest silence before a request that was answered: connections survive it. Absent: no exchange with a known one.
  std::optional<Duration> survived_silence;
  std::array<DropImpact, kDropWays> drop_impact{};  // by DropWay
  std::uint64_t recovery_unfinished = 0;  // episodes whose end was not seen; they are not in the histogram "recovery"

  // Null: not measured, or without a value.
  const Histogram* measured(Measure measure) const {
    const auto found = histograms.find(measure);
    return found == histograms.end() || found->second.count() == 0 ? nullptr : &found->second;
  }
};

// One allowance of a device that was exceeded in the window. Packets queued or dropped.
struct AllowanceLimit {
  std::string limit;  // "bw_in", "bw_out", "pps", "conntrack", "linklocal"
  std::uint64_t delta = 0;
  std::uint64_t seconds_with_delta = 0;
  std::uint64_t max_per_s = 0;
  std::uint64_t max_per_minute = 0;  // most in any 60 s
  std::optional<MonoTime> first_at;  // samples between which it rose
  std::optional<MonoTime> last_at;
  std::vector<std::uint64_t> per_second;  // as Series of endpoints: whole UTC seconds from the start, same interval
};

struct NicPicture {
  std::string device;
  std::uint32_t netns_inode = 0;
  std::string driver;
  std::string driver_version;
  bool counters_supported = false;
  bool driver_reset = false;  // a counter went back: what was counted before the reset is kept, none is lost but what
                              // fell between two samples
  std::vector<AllowanceLimit> limits;  // those that the driver has, in the order above; delta 0 included
  std::optional<std::uint64_t> conntrack_available_min;
};

// When something was seen, and how often.
struct Seen {
  std::uint64_t count = 0;
  std::optional<MonoTime> first_at = {};
  std::optional<MonoTime> last_at = {};

  void add(MonoTime at) {
    ++count;
    if (!first_at || at < *first_at) first_at = at;
    if (!last_at || at > *last_at) last_at = at;
  }
};

// What went wrong with the queries for one name.
struct NameTrouble {
  Histogram slow_us;             // answers that took kSlowLookUp or longer
  std::uint64_t unanswered = 0;  // as ResolverPicture::unanswered
  std::uint64_t refused = 0;     // as ResolverPicture::refused
};

// What was asked of one resolver. A query is one question with one id from one port, however often it was sent.
struct ResolverPicture {
  SocketAddress at;  // unspecified: all for which there was no room of their own
  std::uint32_t netns_inode = 0;
  std::uint64_t queries = 0;
  std::uint64_t sent = 0;      // with the repeats
  std::uint64_t repeated = 0;  // queries that were sent again
  std::uint64_t answered = 0;
  std::uint64_t answered_after_repeat = 0;
  std::uint64_t truncated = 0;
  std::map<std::string, std::uint64_t> rcodes;  // of answers, by name (RFC 1035, RFC 2136)
  Histogram took_us;                            // first sent to answer: measure `dns`
  Histogram repeat_after_us;                    // sent to sent again
  Seen slow;                                    // answers that took kSlowLookUp and were far above the usual best
  Seen unanswered;                              // nobody answered, and who asked had waited or gone on
  std::uint64_t waiting = 0;                    // unanswered at the end, and not for long
  std::uint64_t unknown = 0;                    // what became of them was not followed: too many at once
  // Of those unanswered: another resolver answered the same question; nobody did.
  std::uint64_t rescued = 0;
  std::uint64_t lost = 0;
  // Answered by SERVFAIL or REFUSED; of these, by nobody better.
  Seen refused;
  std::uint64_t refused_lost = 0;
  Histogram wait_us;  // of unanswered ones: how long who asked went on with it, where that could be seen
  std::vector<std::pair<std::string, std::uint64_t>> users;  // name of the process, queries; the most first, at most 10
  // Names with some trouble, untrusted; those for which there was no room are together under the empty one. Absent: no
  // query's name was read.
  std::optional<std::map<std::string, NameTrouble>> names;
};
inline constexpr Duration kSlowLookUp = std::chrono::milliseconds(100);
inline constexpr std::uint64_t kSlowLookUpBests = 5;                   // times the resolver's usual best
inline constexpr Duration kUnansweredAfter = std::chrono::seconds(5);  // the resolver's own wait (resolv.conf(5))

struct Window {
  MonoTime start{};
  MonoTime end{};
  EndedBy ended_by = EndedBy::kSignal;
  bool partial = false;

  Duration length() const { return end - start; }
};

struct Picture {
  TraceStart start;
  Window window;
  Loss loss;
  Cost cost;
  std::uint64_t events_seen = 0;
  std::optional<std::uint64_t> sockets_filtered_out;
  std::vector<BusyEndpoint> busiest_filtered_out;
  Totals totals;
  std::vector<EndpointPicture> endpoints;  // by failures, then bytes, descending, then key
  // Endpoints that gave way to others while they were idle: their counts are in the totals, and nothing else is left.
  std::uint64_t endpoints_evicted = 0;
  std::vector<SocketStory> sockets;   // by failed, then largest first_byte or wait, descending, then (opened, tuple)
  std::uint64_t sockets_omitted = 0;  // folded into their endpoint: healthy ones, and failed ones that are too old
  std::vector<NetnsPicture> netns;    // in the order of TraceStart::netns
  std::vector<NicPicture> nics;       // by netns, then device name
  std::vector<ResolverPicture> resolvers;  // by queries, descending, then netns and address; empty: nobody was asked
};

}  // namespace tcpdiag::model
