/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the engine keeps of one connection, seen from this host. All zero is a connection of which
 * nothing was seen; whoever feeds the engine sets the first members.
 *
 * The engine's functions get this, and the aggregates of the connection's endpoint: `stats` to
 * count in and `shared` for what is common to its connections. Both may be NULL: then nothing is
 * counted. They look nothing up and ask for no time, so that the same code serves the kernel
 * programs, a capture and tests. segment.h is where segments go in.
 *
 * Times are nanoseconds of one monotonic clock, 0: has not happened, or was not seen.
 */
#ifndef TCPDIAG_ENGINE_CONNECTION_H
#define TCPDIAG_ENGINE_CONNECTION_H

#include "engine/types.h"
#include "wire.h"

#define TCPD_PATH_MARKS 16 /* powers of two */
#define TCPD_READ_MARKS 8
#define TCPD_HOLES 4

/* The end of a piece of the byte stream and when it passed, in microseconds modulo 2^32 (71 min). */
struct tcpd_mark {
	u32 end_seq;
	u32 at_us;
};

/* The same of a piece that left in several packets: the last of them at at_us, the first spread_us
 * before. */
struct tcpd_path_mark {
	u32 end_seq;
	u32 at_us;
	u32 spread_us;
};

/* Bytes that are missing, and what came from behind them first. */
struct tcpd_hole {
	u32 begin;
	u32 end;
	u32 tsval;
	u32 at_us;
};

struct tcpd_connection {
	u8 inbound;  /* the peer connected: what it sends are the requests */
	u8 is_older; /* than the trace: its handshake was not seen */
	u8 outstanding;
	u8 in_response;
	u8 exact;      /* the times of the newest request were seen, not inferred */
	u8 fin_marked; /* our FIN was handed to the device */
	u8 call_noted; /* who makes the call that is under way was looked up */
	u8 app_gap_ambiguous;
	u32 app_gap_us; /* of that call; TCPD_UNKNOWN_US: unknown */
	u32 call_tid;	/* who makes it; 0: not seen */

	u64 syn_ns;
	u64 established_ns;
	u64 last_sent_ns;
	u64 last_received_ns;
	u64 heard_ns; /* newest segment of the peer, with or without data */

	/* exchange.h: the newest one */
	u64 request_first_ns;
	u64 request_last_ns;
	u64 burst_last_ns; /* the request's last byte in one go: where first_byte begins */
	u64 request_acked_ns;
	u64 response_first_ns;
	u64 idle_before_request_ns; /* TCPD_UNKNOWN_NS: unknown */
	u64 exchanges;
	u32 request_bytes;
	u32 response_bytes;
	u32 request_retransmits;
	u32 request_rtos;
	u32 answered_early_bytes; /* came while the request that is outstanding went on */
	u32 first_byte_max_us;
	u32 request_gap_us; /* longest silence within the request, and within its response */
	u32 response_gap_us;
	u32 sent_high;	   /* end of the newest payload handed to the device */
	u32 received_high; /* end of the newest payload seen to arrive in order */

	/* path.h: first transmissions that no ACK covers yet; the oldest at path_tail, path_count
	 * of them. */
	u32 path_rise_us;
	u32 path_samples;
	u32 rtt_una;	      /* snd_una at the newest RTT sample */
	u32 path_start;	      /* where the oldest mark begins */
	u32 path_dirty_until; /* what ends here or before may have been retransmitted: no RTT of it */
	u8 path_tail;
	u8 path_count;
	u8 read_tail;
	u8 read_count;
	struct tcpd_path_mark path_marks[TCPD_PATH_MARKS];

	/* window.h: data that arrived and was not read yet */
	struct tcpd_mark read_marks[TCPD_READ_MARKS];
	u32 unread_bytes_max;
	u32 copied_seq;		     /* as of the newest read */
	u64 zero_window_sent_ns;     /* since when we advertise none; 0: we do */
	u64 zero_window_received_ns; /* since when the peer advertises none */
	u64 zero_window_received_us; /* sum, while data waited */

	/* nagle.h */
	u64 all_acked_ns;  /* newest ACK that left nothing outstanding */
	u32 round_trip_us; /* at least, of the endpoint; 0: not known */
	u64 acked_ns;	   /* newest ACK of ours that carried no data */

	/* hole.h: what is missing before data that came, the oldest first */
	struct tcpd_hole holes[TCPD_HOLES];
	u32 received_most;    /* while there are holes: end of the farthest payload that came */
	u32 largest_received; /* payload of one packet; of merged ones together */
	u32 again_segments;   /* filled holes as second copies; the first ones may come yet */
	u32 again_tsval;      /* of the newest of them */

	u8 hole_head; /* the oldest hole; behind it hole_count of them, filled ones among them */
	u8 hole_count;
	u8 hole_found; /* by the newest look: from here its value is as good as any to the verifier */
	u8 burst_over;	/* the request goes on, and first_byte does not wait for it */
	u8 short_write; /* the newest bytes of the request ended before a full segment */
	u8 nodelay;	/* TCP_NODELAY: no Nagle */
	u8 full_acked;	/* an ACK covered a full segment at least */
	u64 reader_ns;	/* newest look at which somebody waited to read */
	u32 srtt_us;	/* of this host's TCP, as of the newest segment that came; 0: none yet */
	u32 mss;

	/* train.h: the newest one */
	u32 train_sent; /* sent_high as of its beginning */
	u32 train_end;	/* of its payload */
	u32 train_bytes;
	u32 train_segments;
	u32 train_first_us;
	u32 train_last_us;
	u32 train_first_tsval;
	u32 train_last_tsval;

	/* recovery.h: the episode that is under way */
	u64 recovery_ns; /* 0: none */
	u32 recovery_high;

	/* path.h: the peer's TCP timestamps against our clock */
	u32 tick_base;	  /* first TSval */
	u64 tick_base_us; /* and when it came; 0: none yet */
	u64 floor_at_us;  /* when floor_us was last raised or lowered */
	s32 floor_us;	  /* smallest offset from the two above, may be negative */
	u8 floor_own;	  /* it was taken while there was no queue */
	u8 early;	  /* the response began while more of the request was to come */
	u8 pad[2];
};

/* What passes is looked at: its handshake has ended, or it is older than the trace. */
static __always_inline bool tcpd_is_open(const struct tcpd_connection *c)
{
	return c->established_ns || c->is_older;
}

#endif
