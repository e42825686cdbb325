// SPDX-License-Identifier: Apache-2.0
// Sample: what a source reads rather than what happened: the circumstances of the trace, snapshots of sockets, and
// the aggregates that the kernel programs keep. Together with the events they are all that a report is made of, so a
// recording of both gives the same report again.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/endpoint.h"
#include "model/filters.h"
#include "model/histogram.h"
#include "model/measure.h"
#include "model/path_signs.h"
#include "model/socket.h"
#include "model/time.h"

namespace tcpdiag::model {

struct Feature {
  std::string name;
  bool available = false;
  std::string reason;  // why not, and what is lost; empty when available
};

// Timers and limits of TCP in one namespace, from its sysctls (tcp(7), ip-sysctl.rst); absent: it could not be read, or
// this kernel has it not.
struct TcpSysctls {
  std::optional<std::uint32_t> syn_retries;
  std::optional<std::uint32_t> synack_retries;
  std::optional<std::uint32_t> retries2;
  std::optional<std::uint32_t> orphan_retries;
  std::optional<std::uint32_t> fin_timeout_s;
  std::optional<std::uint32_t> keepalive_time_s;
  std::optional<std::uint32_t> keepalive_intvl_s;
  std::optional<std::uint32_t> keepalive_probes;
  std::optional<std::uint32_t> rto_min_us;           // 6.11
  std::optional<std::uint32_t> rto_max_ms;           // 6.15
  std::optional<std::uint32_t> syn_linear_timeouts;  // 6.5: so many SYN timeouts before the back-off begins
  std::optional<std::uint32_t> syncookies;           // 0: none; 1: when the queue is full; 2: always
};

struct NetnsInfo {
  std::uint32_t inode = 0;
  std::string name;  // file name under /run/netns, empty: none
  bool is_self = false;
  bool is_initial = true;  // the host's own (that of process 1); others are containers', and their uplink is not seen
  std::optional<std::uint32_t> somaxconn = {};  // net.core.somaxconn
  TcpSysctls sysctls = {};
};

// A namespace that is not traced and has TCP sockets, with a process that would lead a trace there (--netns PID).
struct OtherNetns {
  std::uint32_t inode = 0;
  std::uint32_t pid = 0;
  std::string comm;               // untrusted
  std::uint64_t established = 0;  // connections, the kernel's CurrEstab
  std::uint64_t sockets = 0;      // all of them, also those that listen
};
inline constexpr std::size_t kOtherNetnsShown = 5;

struct HostInfo {
  std::string hostname;  // untrusted
  std::string kernel;    // uname -r
  std::string arch;      // uname -m
  int utc_offset_s = 0;
  std::string utc_offset_name;  // "JST", "UTC"
  int cpus = 0;
  std::optional<std::string> instance_type;  // "t4g.micro"; untrusted when from DMI or the metadata service
  std::string instance_type_source;          // "dmi", "imds", "option"; empty: not known
};

// First of all records: made once, before the first event.
// What emitted the events first; a recording keeps what its source was.
enum class Origin : std::uint8_t { kBpf, kCapture };

struct TraceStart {
  ClockPair clock;
  Origin origin = Origin::kBpf;
  std::string recording_id;  // UUID (RFC 9562 version 4)
  std::string tool_version;
  std::string tool_git;
  std::vector<std::string> command;  // argv
  std::string peer_instance;         // --peer-instance: the peer's type as typed; empty: not given
  Filters filters;
  HostInfo host;
  std::vector<NetnsInfo> netns;
  std::vector<Feature> abilities;                      // the features; named as the key in JSON and the column
  std::map<std::uint32_t, std::string> reset_reasons;  // of the running kernel; empty: it has none
  std::map<std::uint32_t, std::string> drop_reasons;   // likewise: those that are reported (model/drop_reason.h)
  std::optional<Duration> requested_duration;
  std::optional<Duration> floor;          // --floor: the RTT of the path without a queue
  std::vector<std::uint32_t> probe_pids;  // --probe: whose connections are this program's own
  std::vector<OtherNetns> other_netns;    // at most kOtherNetnsShown, the busiest first

  // That of the traced namespaces; null: it is none of them.
  const NetnsInfo* netns_of(std::uint32_t inode) const {
    const auto found = std::ranges::find(netns, inode, &NetnsInfo::inode);
    return found == netns.end() ? nullptr : &*found;
  }
};

enum class SnapshotMoment : std::uint8_t { kStart, kEnd };

// A tracked socket as it is now. kStart: sockets older than the trace. kEnd: those open when it ended.
struct SocketSnapshot {
  MonoTime at{};
  SnapshotMoment moment = SnapshotMoment::kStart;
  SocketRef socket;
  Flow flow;
  std::optional<Owner> owner;
};

// A histogram for each of kKernelMeasures. Those that were never written to take no memory: a sample is passed around
// much, and most endpoints have few of them.
class MeasureHistograms {
 public:
  MeasureHistograms() = default;
  MeasureHistograms(const MeasureHistograms& other) { *this = other; }
  MeasureHistograms(MeasureHistograms&&) noexcept = default;
  MeasureHistograms& operator=(const MeasureHistograms& other);
  MeasureHistograms& operator=(MeasureHistograms&&) noexcept = default;
  ~MeasureHistograms() = default;

  static constexpr std::size_t size() { return kKernelMeasures.size(); }
  const Histogram& operator[](std::size_t measure) const;
  Histogram& operator[](std::size_t measure);

 private:
  std::array<std::unique_ptr<Histogram>, kKernelMeasures.size()> all_;  // null: empty
};

// Aggregates of one endpoint since this generation of it began: cumulative, a later sample of the same generation
// replaces an earlier one, and their difference belongs to the time between them.
//
// A source has room for some endpoints only. One without open sockets may give its place to another; should it come
// again it is counted from zero, as its next generation. Then the sums of the endpoint are those of the last sample of
// each generation together, and the first sample of a generation is a difference to zero. Generations of one key only
// rise, not always by one, and never overlap; between two of them nothing happened.
struct EndpointSample {
  MonoTime at{};
  EndpointKey key;
  std::uint32_t generation = 0;
  std::uint64_t exchanges = 0;                // responses begun
  std::uint64_t exchanges_without_delay = 0;  // of those, seen only by sequence numbers: no first_byte for them
  std::uint64_t request_bytes = 0;            // of exchanges done
  std::uint64_t response_bytes = 0;
  std::uint64_t bytes_sent = 0;  // payload acknowledged, all sockets
  std::uint64_t bytes_received = 0;
  std::uint64_t segments_sent = 0;  // tp->segs_out, tp->segs_in: with pure ACKs, as the kernel counts GSO
  std::uint64_t segments_received = 0;
  std::uint64_t out_of_order_segments = 0;  // tp->rcv_ooopack
  PathSigns path_signs;
  std::uint64_t zero_window_sent_us = 0;      // we advertised no window
  std::uint64_t zero_window_received_us = 0;  // the peer advertised none
  std::uint64_t zero_window_stalls = 0;       // times that the peer's window closed
  std::uint64_t zero_window_longest_us = 0;   // longest of those
  // The kernel's chronographs of all sockets (tcp_info: tcpi_busy_time, tcpi_rwnd_limited, tcpi_sndbuf_limited), to a
  // jiffy, up to 10 ms late: there was data to send or to be acknowledged; and of that, the peer's window kept it back,
  // or the send buffer of this host was full.
  std::uint64_t busy_us = 0;
  std::uint64_t rwnd_limited_us = 0;
  std::uint64_t sndbuf_limited_us = 0;
  std::uint64_t limits_unknown = 0;                 // times that this kernel did not tell these three
  std::optional<std::uint32_t> floor_handshake_us;  // smallest SYN RTT
  std::optional<std::uint32_t> floor_kernel_us;     // smallest tp->rtt_min met (a window of 300 s in the kernel)
  std::optional<std::uint32_t> floor_window_us;     // smallest sample of this trace
  std::uint64_t no_timestamps = 0;                  // data segments received without the TCP timestamp option
  std::uint64_t no_own_floor = 0;         // data segments of sockets whose one-way floor was not taken before a rise
  std::uint64_t recovery_unfinished = 0;  // episodes whose end was not seen: closed, or half-closed, before
  // Outbound: connects that failed and requests on idle sockets, the first request of a connection together with its
  // connect. Of these, with a known app_gap; and of those, ambiguous (Flow::app_gap_ambiguous).
  std::uint64_t calls = 0;
  std::uint64_t calls_with_gap = 0;
  std::uint64_t calls_gap_ambiguous = 0;
  std::uint64_t survived_silence_us = 0;                // longest silence before a request that was answered
  std::optional<std::uint32_t> smallest_request_bytes;  // of those answered
  // Segments that filled a hole in what arrived: sent again (lost before), or merely late.
  std::uint64_t recovered_in = 0;
  std::uint64_t reordered_in = 0;
  // Times that small writes waited for the other end's delayed ACK (Nagle's algorithm), and together how long: those of
  // this host, and the peer's.
  std::uint64_t nagle_own = 0;
  std::uint64_t nagle_own_us = 0;
  std::uint64_t nagle_peer = 0;
  std::uint64_t nagle_peer_us = 0;
  std::string device;        // that its segments left by, untrusted; empty: none seen yet
  bool tick_unknown = true;  // the peer's timestamp clock has not been seen to tick at 1 ms
  // In the order of kKernelMeasures. path_queue still holds the floor.
  MeasureHistograms measures;

  Histogram& of(Measure measure) { return measures[kernel_index(measure)]; }
  const Histogram& of(Measure measure) const { return measures[kernel_index(measure)]; }
};

// What a process is called and where it runs; read when its first socket is seen.
struct ProcessInfo {
  std::uint32_t pid = 0;
  std::string comm;  // untrusted
  std::uint64_t cgroup_id = 0;
  std::string cgroup_path;  // untrusted; empty: not known
};

// A query for a name over UDP that was handed to a device, or the answer to one that arrived (RFC 1035): of its header,
// and the name only where it was asked for. In the order in which they happened, among the events.
struct DnsMessage {
  MonoTime at{};
  std::uint32_t netns_inode = 0;  // of the socket that asked
  SocketAddress local;
  SocketAddress resolver;  // as the socket has it, before any translation
  std::uint16_t id = 0;
  std::uint16_t flags = 0;  // section 4.1.1
  bool is_answer = false;
  MonoTime first_sent_at{};    // the same query, with the same id, from the same port
  std::optional<Owner> owner;  // of a query, where the sender was seen; of an answer none
  // Untrusted. Of a query, in small letters, without the dot at the end; one that was cut ends with "...". Dots and
  // backslashes in a label have a backslash before them, what is not printable is "\ddd" (RFC 1035 section 5.1). Empty:
  // not read.
  std::string name;

  static constexpr std::uint16_t kTruncated = 0x0200;
  std::uint8_t rcode() const { return flags & 15; }
};

// A listening socket whose accept queue is full: sk_ack_backlog >= sk_max_ack_backlog.
struct ListenQueue {
  SocketAddress local;
  std::uint32_t backlog = 0;  // connections that wait for accept()
  std::uint32_t limit = 0;    // the smaller of listen()'s argument and net.core.somaxconn
};

// TCP's counters of one network namespace (/proc/net/snmp "Tcp", /proc/net/netstat "TcpExt"), by the kernel's names.
// They count since the namespace was made and for all of its sockets, whatever the filters. One at the start, one a
// second, one at the end.
struct NetnsSample {
  MonoTime at{};
  std::uint32_t netns_inode = 0;
  std::map<std::string, std::uint64_t> counters;  // those of kKernelCounters that this kernel has
  std::vector<ListenQueue> full_listeners;        // at this moment
  bool gone = false;                              // the namespace has died: last of its samples, counters may be empty
};
inline constexpr std::array kKernelCounters{"ActiveOpens",    "RetransSegs",     "OutRsts",
                                            "EstabResets",    "AttemptFails",    "ListenOverflows",
                                            "ListenDrops",    "EmbryonicRsts",   "TCPTimeouts",
                                            "TCPLossProbes",  "TCPFastRetrans",  "TCPSlowStartRetrans",
                                            "TCPSynRetrans",  "TCPRetransFail",  "TCPSpuriousRtxHostQueues",
                                            "TCPDSACKRecv",   "TCPReqQFullDrop", "TCPReqQFullDoCookies",
                                            "SyncookiesSent", "SyncookiesRecv"};

// Statistics of one network device's driver, those that tell of a cloud's allowances (ENA driver, "ethtool -S"), by the
// driver's names without "_allowance_exceeded": "bw_in", "bw_out", "pps", "conntrack", "linklocal"; cumulative since
// the driver was reset. One at the start, one a second, one at the end, of each device that is up, loopback excepted.
struct NicSample {
  MonoTime at{};
  std::string device;  // untrusted
  std::uint32_t netns_inode = 0;
  std::string driver;  // untrusted; empty: not known
  std::string driver_version;
  bool counters_supported = false;                   // the driver has one of the five at least
  std::map<std::string, std::uint64_t> exceeded;     // packets queued or dropped
  std::optional<std::uint64_t> conntrack_available;  // a gauge: connections that can still be tracked
};
inline constexpr std::array kAllowances{"bw_in", "bw_out", "pps", "conntrack", "linklocal"};  // keys of `exceeded`

// Everything that was not seen, by cause. Cumulative.
struct Loss {
  std::uint64_t ring_full = 0;
  std::uint64_t sockets_full = 0;
  std::uint64_t endpoints_full = 0;
  std::uint64_t processes_full = 0;
  std::uint64_t undecodable = 0;
  std::uint64_t rate_limited = 0;
  std::uint64_t samples_thinned = 0;
  std::uint64_t disk_full = 0;
  // What the kernel's own counters of the traced namespaces have more than was told, of traces without a filter: known
  // when a picture is made, 0 from a source.
  std::uint64_t unseen_retransmits = 0;  // RetransSegs
  std::uint64_t unseen_resets = 0;       // OutRsts
  std::uint64_t unseen_connects = 0;     // ActiveOpens
  std::uint64_t unseen_reset_ends = 0;   // EstabResets: connections that ended by a reset of either side

  std::uint64_t total() const {
    return ring_full + sockets_full + endpoints_full + processes_full + undecodable + rate_limited + samples_thinned +
           disk_full + unseen_retransmits + unseen_resets + unseen_connects + unseen_reset_ends;
  }
};

struct Cost {
  std::optional<double> bpf_cpu_s;
  double user_cpu_s = 0;
  double system_cpu_s = 0;
  std::uint64_t peak_rss_bytes = 0;
  std::uint64_t attach_us = 0;
};

// The namespace's sockets that the filters left out, for "nothing matched".
struct BusyEndpoint {
  EndpointKey key;
  std::uint64_t sockets = 0;
  std::uint64_t bytes = 0;
};

enum class EndedBy : std::uint8_t { kDuration, kSignal, kError };

// Last of all records.
struct TraceEnd {
  MonoTime at{};
  EndedBy ended_by = EndedBy::kSignal;
  bool partial = false;  // something kept the end from being complete
  Loss loss;
  Cost cost;
  std::optional<std::uint64_t> sockets_filtered_out;
  std::vector<BusyEndpoint> busiest_filtered_out;  // at most 5, by bytes; only when nothing matched
};

using Sample =
    std::variant<TraceStart, SocketSnapshot, EndpointSample, NetnsSample, NicSample, ProcessInfo, DnsMessage, TraceEnd>;
static_assert(sizeof(Sample) <= 968,
              "as large as TraceStart: what is emitted every second carries no large arrays inside");

}  // namespace tcpdiag::model
