/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the kernel programs and the loader say to each other: events in the ring buffer, snapshots
 * from iterators, aggregates and counters in maps, the loader's settings. The one definition for
 * both sides.
 *
 * Rules: fixed-width fields, padding explicit and zeroed, units in the names, native byte order,
 * addresses always 16 bytes (IPv4 v4-mapped), times in CLOCK_MONOTONIC nanoseconds with 0 = has not
 * happened or was not seen.
 */
#ifndef TCPDIAG_WIRE_H
#define TCPDIAG_WIRE_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define TCPD_COMM_LEN 16
#define TCPD_UNKNOWN_NS (~0ULL)
#define TCPD_UNKNOWN_US 0xffffffffU
#define TCPD_UNKNOWN_CALLS 0xffffU
#define TCPD_NO_SLOT 0xffffffffU

/* Histograms: see model/histogram.h, which has the same layout. */
#define TCPD_HIST_SUB_BITS 3
#define TCPD_HIST_BUCKETS 256

enum tcpd_role { TCPD_ROLE_UNKNOWN, TCPD_ROLE_OUTBOUND, TCPD_ROLE_INBOUND };
enum tcpd_role_source {
	TCPD_ROLE_BY_NOTHING,
	TCPD_ROLE_BY_CONNECT,
	TCPD_ROLE_BY_ACCEPT,
	TCPD_ROLE_BY_LISTENERS
};
enum tcpd_owner_source {
	TCPD_OWNER_UNKNOWN,
	TCPD_OWNER_CALLER,
	TCPD_OWNER_READER,
	TCPD_OWNER_TABLE
};

struct tcpd_wire_sock {
	__u64 id;     /* cookie, or birth number with the top bit set; 0: no socket */
	__u64 cookie; /* 0: none */
	__u8 laddr[16];
	__u8 raddr[16];
	__u16 lport; /* host order; 0: not known yet */
	__u16 rport;
	__u32 netns; /* inode */
	__u32 initial_seq_local;
	__u32 initial_seq_remote;
	__u8 role;
	__u8 role_source;
	__u8 older_than_trace;
	__u8 has_initial_seq_local;
	__u8 has_initial_seq_remote;
	__u8 pad[3];
};

struct tcpd_wire_owner {
	__u32 tgid; /* 0: unknown */
	__u32 tid;
	__u32 ns_tgid;
	__u8 source;
	__u8 shared;
	__u8 pad[2];
	__u64 cgroup_id;
	char comm[TCPD_COMM_LEN];
};

struct tcpd_wire_flow {
	__u64 opened_ns;
	__u64 syn_ns;
	__u64 established_ns;
	__u64 last_sent_ns;
	__u64 last_received_ns;
	__u64 fin_received_ns;
	__u64 fin_sent_ns;
	__u64 request_first_ns;
	__u64 request_last_ns;
	__u64 request_acked_ns;
	__u64 response_first_ns;
	__u64 idle_before_request_ns; /* TCPD_UNKNOWN_NS: unknown */
	__u64 exchanges;
	__u64 bytes_acked; /* since tracked */
	__u64 bytes_received;
	__u64 bytes_acked_total;
	__u64 bytes_received_total;
	__u32 segments_sent; /* since tracked, as the next three */
	__u32 segments_received;
	__u32 retransmitted_segments;
	__u32 out_of_order_segments;
	__u32 spurious_retransmits;
	__u32 request_bytes;
	__u32 response_bytes;
	__u32 request_retransmits;
	__u32 request_rtos;
	__u32 unacked_bytes;
	__u32 unread_bytes;
	__u32 srtt_us;
	__u32 rtt_us;
	__u32 rtt_min_us;
	__u32 mss;
	__u32 first_byte_max_us;
	__u32 path_rise_us; /* typical path RTT above the endpoint's floor */
	__u32 path_samples;
	__u32 unread_bytes_max;
	__u32 call_tid; /* 0: not seen */
	__u64 zero_window_received_us;
	__u64 request_read_ns;
	__u64 heard_ns;
	__u64 hole_ns;		/* since when bytes of the peer are missing; 0: none are */
	__u32 hole_bytes;	/* the first hole's */
	__u32 largest_received; /* payload of one packet; of merged ones together */
	__u32 response_gap_us;	/* longest silence within the newest response */
	__u32 reader_waited_us; /* since its newest byte, as of the newest look; 0: nobody waits to
				   read */
	__u32 app_gap_us;	/* TCPD_UNKNOWN_US: unknown */
	__u16 calls_since_read; /* TCPD_UNKNOWN_CALLS: unknown */
	__u16 answered_early_bytes; /* stops at 65,535 */
	__u8 app_gap_ambiguous;
	__u8 state; /* before the event */
	__u8 outstanding;
	__u8 in_response;
	__u8 request_acked;
	__u8 keepalive_on;
	__u8 probes_unanswered; /* of keepalive or a zero window */
	__u8 full_acked;	/* an ACK covered a full segment at least */
};

/*
 * The events. X(ENUM, body): ENUM makes TCPD_EVENT_<ENUM>, body is the member of the union below.
 * The enum, the decoder's table and its tests are made from this list.
 */
#define TCPD_EVENT_LIST(X)      \
	X(CONNECT, none)        \
	X(ESTABLISHED, none)    \
	X(STATE, state)         \
	X(RETRANSMIT, retrans)  \
	X(SYNACK, synack)       \
	X(RESET_SENT, reset)    \
	X(RESET_RECEIVED, none) \
	X(DESTROYED, none)      \
	X(OWNER, none)          \
	X(ERROR, error)         \
	X(SLOW_ANSWER, none)    \
	X(DROPPED, dropped)

enum tcpd_event_kind {
	TCPD_EVENT_NONE,
#define TCPD_ENUM(name, body) TCPD_EVENT_##name,
	TCPD_EVENT_LIST(TCPD_ENUM)
#undef TCPD_ENUM
		TCPD_EVENT_COUNT
};

struct tcpd_body_state {
	__s32 socket_error;
	__s32 soft_error;
	__u8 from;
	__u8 to;
	__u8 by_application;
	__u8 syn_was_sent;
	__u8 process_exiting;
	__u8 pad[19];
};

struct tcpd_body_retrans {
	__u64 first_sent_ns;
	__s32 error;
	__u32 segments;
	__u32 seq;
	__u32 end_seq;
	__u8 timer_pending;
	__u8 ca_state;
	__u8 is_syn;
	__u8 pad;
	__u32 first_bound_us; /* it may have left so much before first_sent_ns */
};

struct tcpd_body_synack {
	__u64 first_sent_ns;
	__u8 pad[24];
};

struct tcpd_body_reset {
	__s32 reason; /* kernel's enum sk_rst_reason; -1: this kernel gives none */
	__u8 answers_packet;
	__u8 in_time_wait;
	__u8 process_exiting;
	__u8 linger_zero;
	__u8 previous_state;
	__u8 unaccepted; /* no application has the socket: it waited in a listener's queue */
	__u8 pad[22];
};

struct tcpd_body_dropped {
	__u32 reason; /* kernel's enum skb_drop_reason */
	__u32 segments;
	__u32 seq;
	__u32 end_seq; /* with SYN and FIN */
	__u8 flags;    /* of the TCP header */
	__u8 incoming;
	__u8 pad[14];
};

struct tcpd_body_error {
	__s32 socket_error;
	__s32 soft_error;
	__u8 pad[24];
};

struct tcpd_body_none {
	__u8 pad[32];
};

struct tcpd_wire_event {
	__u16 kind; /* enum tcpd_event_kind */
	__u16 size; /* of this struct */
	__u32 cpu;
	__u64 at_ns;
	struct tcpd_wire_sock sock;
	struct tcpd_wire_owner owner;
	struct tcpd_wire_flow flow;
	union {
		struct tcpd_body_none none;
		struct tcpd_body_state state;
		struct tcpd_body_retrans retrans;
		struct tcpd_body_synack synack;
		struct tcpd_body_reset reset;
		struct tcpd_body_error error;
		struct tcpd_body_dropped dropped;
	} body;
};

/* A query for a name, or its answer: in the ring beside the events, told apart by `kind`. Of its
 * header only. */
#define TCPD_RECORD_DNS 0x100
struct tcpd_wire_dns {
	__u16 kind; /* TCPD_RECORD_DNS */
	__u16 size; /* of this struct */
	__u32 cpu;
	__u64 at_ns;
	__u64 first_sent_ns; /* the query; of one that is sent for the first time: at_ns */
	struct tcpd_wire_owner
		owner; /* of a query, as far as the sender could be proved; of an answer nothing */
	__u8 laddr[16];
	__u8 raddr[16]; /* of the resolver, as the socket is connected, before any translation */
	__u16 lport;
	__u16 rport;
	__u16 id;
	__u16 flags; /* RFC 1035 section 4.1.1, host order */
	__u32 netns; /* of the socket that asked */
	__u8 is_answer;
	__u8 pad[3];
};

/* Longer names are cut. With more the tables of user space would be too large (RFC 1035 allows
 * 255). */
#define TCPD_DNS_NAME_OCTETS 127

/* A query where names are read (tcpd_config.dns_names); told apart by `size`. */
struct tcpd_wire_dns_named {
	struct tcpd_wire_dns dns;
	__u8 octets;			 /* of `name`; what is behind them is undefined */
	__u8 name[TCPD_DNS_NAME_OCTETS]; /* the first question from its name on, as sent */
};

/* A socket as the snapshot iterator finds it. */
struct tcpd_wire_snapshot {
	__u64 at_ns;
	__u32 size;    /* of this struct */
	__u32 tracked; /* 0: left out by the filters; flow holds the byte totals only, owner nothing
			*/
	struct tcpd_wire_sock sock;
	struct tcpd_wire_owner owner;
	struct tcpd_wire_flow flow;
};

/* What the snapshot iterator is run for. ALL: the end, and sockets that the filters left out are
 * wanted too. */
enum tcpd_snapshot_mode { TCPD_SNAPSHOT_START, TCPD_SNAPSHOT_END, TCPD_SNAPSHOT_ALL };

/* What is summed up for one endpoint on one CPU; key of the map: the index of the endpoint's
 * slot. */
enum tcpd_measure {
#define KERNEL_MEASURE(name, ...) TCPD_##name,
#include "model/measures.def"
	TCPD_MEASURES
};

/* 1 where v > limit, else 0, without a branch: every branch here would double the paths that the
 * verifier walks. */
static inline __attribute__((always_inline)) __u64 tcpd_above(__u64 v, __u64 limit)
{
	return (limit - v) >> 63;
}

/* The bucket of a value: model/histogram.h, Histogram::bucket_of. A test compares the two. */
static inline __attribute__((always_inline)) __u32 tcpd_bucket_of(__u64 us)
{
	__u64 v, step, high_bit = 0, octave, large, beyond;

	v = us;
	step = tcpd_above(v, 0xffff) << 4;
	v >>= step;
	high_bit += step;
	step = tcpd_above(v, 0xffff) << 4;
	v >>= step;
	high_bit += step;
	step = tcpd_above(v, 0xff) << 3;
	v >>= step;
	high_bit += step;
	step = tcpd_above(v, 0xf) << 2;
	v >>= step;
	high_bit += step;
	step = tcpd_above(v, 0x3) << 1;
	v >>= step;
	high_bit += step;
	high_bit += tcpd_above(v, 1);
	octave = (high_bit - TCPD_HIST_SUB_BITS) & 0x3f;
	/* below, each microsecond has its own; beyond the last octave all have the last */
	large = 0 - tcpd_above(us, (1 << TCPD_HIST_SUB_BITS) - 1);
	beyond = 0 - tcpd_above(us >> 34, 0);
	v = (octave + 1) * (1 << TCPD_HIST_SUB_BITS) +
	    ((us >> octave) & ((1 << TCPD_HIST_SUB_BITS) - 1));
	return ((v & large) | (us & ~large) | beyond) & (TCPD_HIST_BUCKETS - 1);
}

struct tcpd_hist {
	__u64 sum_us;
	__u64 min_us; /* of buckets that are not empty */
	__u64 max_us;
	__u32 buckets[TCPD_HIST_BUCKETS];
};

struct tcpd_endpoint_stats {
	__u32 generation;	      /* of the slot: struct tcpd_slot */
	__u32 smallest_request_bytes; /* of those answered; 0: none */
	__u64 exchanges;
	__u64 exchanges_without_delay;
	__u64 request_bytes;
	__u64 response_bytes;
	__u64 bytes_sent; /* acknowledged */
	__u64 bytes_received;
	__u64 segments_sent; /* these three: up to TCPD_FLUSH_NS late */
	__u64 segments_received;
	__u64 out_of_order_segments;
	__u64 path_ambiguous;
	__u64 acks_awaited;
	__u64 acks_apart;
	__u64 trains;
	__u64 train_bytes;
	__u64 train_us;
	__u64 train_sender_us;
	__u64 trains_unused;
	__u64 zero_window_sent_us;
	__u64 zero_window_received_us;
	__u64 zero_window_stalls;
	__u64 zero_window_longest_us;
	__u64 busy_us; /* these three: as those */
	__u64 rwnd_limited_us;
	__u64 sndbuf_limited_us;
	__u64 limits_unknown; /* times that this kernel did not tell */
	__u64 no_timestamps;
	__u64 no_own_floor;
	__u64 recovery_unfinished;
	__u64 calls;
	__u64 calls_with_gap;
	__u64 calls_gap_ambiguous;
	__u64 survived_silence_us; /* longest before a request that was answered */
	__u64 recovered_in;	   /* segments that filled a hole: sent again, or merely late */
	__u64 reordered_in;
	__u64 late_copies; /* of recovered_in: the first copy came after all */
	__u64 nagle_own; /* times that this host's writes waited for a delayed ACK, and the peer's */
	__u64 nagle_own_us;
	__u64 nagle_peer;
	__u64 nagle_peer_us;
	struct tcpd_hist measures[TCPD_MEASURES];
};

/* An inbound request that waited so long for its answer is reported by an event. */
#define TCPD_SLOW_ANSWER_NS 5000000000ULL

/* How late a socket's counts of segments may reach its endpoint's while it is busy. */
#define TCPD_FLUSH_NS 10000000ULL

/* What all CPUs share of one endpoint; key: the slot's index. Written without a lock: a lost race
 * costs one sample of a minimum. */
enum tcpd_tick { TCPD_TICK_UNKNOWN, TCPD_TICK_1MS, TCPD_TICK_OTHER };

struct tcpd_endpoint_shared {
	__u32 floor_handshake_us; /* 0: none, as the next two */
	__u32 floor_kernel_us;
	__u32 floor_window_us;
	__u32 floor_us;	   /* smallest of the three */
	__u32 handed_over; /* who answers is not who has read the request */
	__u32 tick;	   /* enum tcpd_tick: of the peer's TCP timestamps */
	__u32 generation;  /* of the slot */
	__u32 open_sockets;
	char device[16];
};

struct tcpd_endpoint_key {
	__u8 addr[16];
	__u32 netns;
	__u16 port;
	__u8 role; /* TCPD_ROLE_OUTBOUND or TCPD_ROLE_INBOUND */
	__u8 pad;
};

/* Where an endpoint's aggregates are. User space gives the slot of an idle endpoint to another one,
 * with the next generation: a socket whose slot has another one by now counts nowhere. */
struct tcpd_slot {
	__u32 index; /* TCPD_NO_SLOT: none left */
	__u32 generation;
};

struct tcpd_listener_key {
	__u32 netns;
	__u16 port;
	__u16 pad;
};

struct tcpd_cidr_key { /* of the LPM maps */
	__u32 prefix_len;
	__u8 addr[16];
};

/* Per-CPU counters, by index. The first ones are losses. */
enum tcpd_counter {
	TCPD_COUNT_RING_FULL,
	TCPD_COUNT_SOCKETS_FULL,
	TCPD_COUNT_ENDPOINTS_FULL,
	TCPD_COUNT_PROCESSES_FULL,
	TCPD_COUNT_RATE_LIMITED,
	TCPD_COUNT_FILTERED_OUT,
	TCPD_COUNTERS
};

/* The cost of one program: one run in TCPD_COST_EVERY is timed. */
#define TCPD_COST_EVERY 1024
enum tcpd_program {
	TCPD_PROG_STATE,
	TCPD_PROG_CONNECT_STARTS,
	TCPD_PROG_CONNECT_ENDS,
	TCPD_PROG_ACCEPT_BEGINS,
	TCPD_PROG_RETRANSMIT,
	TCPD_PROG_RESET, /* sent */
	TCPD_PROG_RESET_RECEIVED,
	TCPD_PROG_PROBE,
	TCPD_PROG_XMIT,
	TCPD_PROG_QUEUE,
	TCPD_PROG_READ,
	TCPD_PROG_DROP,
	TCPD_PROG_DNS,
	TCPD_PROGRAMS
};

struct tcpd_cost {
	__u64 runs;
	__u64 timed_runs;
	__u64 timed_ns;
};

/* Reasons of drops (enum skb_drop_reason) below this value may be reported. */
#define TCPD_DROP_REASONS 256

/* One step of the filter expression, in postfix order. */
#define TCPD_EXPRESSION_STEPS 32
enum tcpd_expression_op {
	TCPD_EXPR_NET,
	TCPD_EXPR_PORT,
	TCPD_EXPR_AND,
	TCPD_EXPR_OR,
	TCPD_EXPR_NOT
};

struct tcpd_expression_step {
	__u8 op;
	__u8 local;  /* 1: asks about this side */
	__u8 remote; /* 1: asks about the other one; with local too: about either */
	__u8 pad;
	__u16 port_low; /* host order, both ends included */
	__u16 port_high;
	__u32 net[4]; /* network order, as the address */
	__u32 mask[4];
};

struct tcpd_comm {
	char name[TCPD_COMM_LEN];
};

/* Settings, read-only for the kernel programs, set before they are loaded. */
struct tcpd_config {
	__u32 tick_ns;	  /* length of a jiffy */
	__u32 only_netns; /* inode, when one namespace is traced; 0: several, in tcpd_netns_set */
	__u32 max_events_per_second; /* 0: any number */
	__u32 spare_slot;	     /* struct tcpd_slot: of those that have none */
	__u8 have_sk_storage;
	__u8 have_cookie;
	__u8 have_sock_from_file;
	__u8 filter_pid;
	__u8 filter_local_port;
	__u8 filter_remote_port;
	__u8 filter_local_addr;
	__u8 filter_remote_addr;
	__u8 filter_family; /* 0, 4 or 6 */
	__u8 filter_role;   /* enum tcpd_role; UNKNOWN: both */
	__u8 filter_comm;
	__u8 filter_cgroup;
	__u8 expression_steps;
	__u8 expression_needs_port; /* this side's */
	__u8 dns_names;		    /* read the names in queries */
	__u8 pad[1];
};

#define TCPD_STATIC_ASSERT(name, cond) typedef char tcpd_assert_##name[(cond) ? 1 : -1]
TCPD_STATIC_ASSERT(sock, sizeof(struct tcpd_wire_sock) == 72);
TCPD_STATIC_ASSERT(owner, sizeof(struct tcpd_wire_owner) == 40);
TCPD_STATIC_ASSERT(flow, sizeof(struct tcpd_wire_flow) == 280);
TCPD_STATIC_ASSERT(body, sizeof(struct tcpd_body_none) == 32 &&
				 sizeof(struct tcpd_body_state) == 32 &&
				 sizeof(struct tcpd_body_retrans) == 32 &&
				 sizeof(struct tcpd_body_synack) == 32 &&
				 sizeof(struct tcpd_body_reset) == 32 &&
				 sizeof(struct tcpd_body_error) == 32 &&
				 sizeof(struct tcpd_body_dropped) == 32);
TCPD_STATIC_ASSERT(event, sizeof(struct tcpd_wire_event) == 16 + 72 + 40 + 280 + 32);
TCPD_STATIC_ASSERT(dns, sizeof(struct tcpd_wire_dns) == 24 + 40 + 32 + 16);
TCPD_STATIC_ASSERT(dns_named, sizeof(struct tcpd_wire_dns_named) == 112 + 1 + TCPD_DNS_NAME_OCTETS);
TCPD_STATIC_ASSERT(snapshot, sizeof(struct tcpd_wire_snapshot) == 16 + 72 + 40 + 280);
TCPD_STATIC_ASSERT(hist, sizeof(struct tcpd_hist) == 24 + 4 * TCPD_HIST_BUCKETS);
TCPD_STATIC_ASSERT(endpoint_key, sizeof(struct tcpd_endpoint_key) == 24);
TCPD_STATIC_ASSERT(shared, sizeof(struct tcpd_endpoint_shared) == 48);
TCPD_STATIC_ASSERT(step, sizeof(struct tcpd_expression_step) == 40);
TCPD_STATIC_ASSERT(config, sizeof(struct tcpd_config) == 32);

#endif
