/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record kept for one socket. With sk_storage it is charged to the socket's owner (optmem_max,
 * 20 KiB at least), so it stays well below 1 KiB.
 */
#ifndef TCPDIAG_SOCKET_H
#define TCPDIAG_SOCKET_H

#include "kernel_types.h"

#include "wire.h"

/* What still has to be known before the filters can decide about the socket. */
#define TCPD_PENDING_PORT 1  /* the local port of a connecting socket */
#define TCPD_PENDING_OWNER 2 /* the owner of an accepted or older socket */

#define TCPD_PATH_MARKS 16 /* powers of two */
#define TCPD_READ_MARKS 8

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

/* app_gap.h: the newest inbound request that a thread has read. */
struct tcpd_thread {
	u64 started_ns; /* of the task: its id may be used again */
	u64 sock_id;	/* 0: that request was answered */
	u64 read_ns;	/* the newest read */
	u32 open;	/* requests it has read that were not answered */
	u32 calls;	/* begun since the newest request was first read */
};

struct tcpd_sock {
	struct tcpd_wire_sock ref;
	struct tcpd_wire_owner owner;

	u64 opened_ns;
	u64 syn_ns;
	u64 established_ns;
	u64 last_sent_ns;
	u64 last_received_ns;
	u64 fin_received_ns;
	u64 fin_sent_ns;

	/* The newest exchange; see exchange.h. */
	u64 request_first_ns;
	u64 request_last_ns;
	u64 request_acked_ns;
	u64 response_first_ns;
	u64 idle_before_request_ns;
	u64 exchanges;
	u32 request_bytes;
	u32 response_bytes;
	u32 request_retransmits;
	u32 request_rtos;
	u32 first_byte_max_us;
	u32 sent_high;	   /* end of the newest payload handed to the device */
	u32 received_high; /* end of the newest payload seen to arrive in order */

	/* tcp_sock's counters when the socket was first seen. */
	u32 base_segs_out;
	u32 base_segs_in;
	u32 base_total_retrans;
	u32 base_rcv_ooopack;
	u32 base_dsack_dups;
	u64 base_bytes_acked;
	u64 base_bytes_received;

	/* What was added to the endpoint's counts so far (tcpd_flush). */
	u64 flushed_ns;
	u64 flushed_bytes_acked;
	u64 flushed_bytes_received;
	u32 flushed_segs_out;
	u32 flushed_segs_in;
	u32 flushed_rcv_ooopack;

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
	/* read_wait.h: data that arrived and was not read yet */
	struct tcpd_mark read_marks[TCPD_READ_MARKS];
	u32 unread_bytes_max;
	u32 copied_seq; /* as of the newest read */

	/* retransmit.bpf.c: the episode of recovery that is under way */
	u64 recovery_ns; /* 0: none */
	u32 recovery_high;

	/* app_gap.h */
	u32 app_gap_us;
	u32 call_tid;
	u32 reader_tid; /* who read the newest inbound request first; 0: nobody yet */
	u64 request_read_ns;

	/* path.h: the peer's TCP timestamps against our clock */
	u32 tick_base;	  /* first TSval */
	u64 tick_base_us; /* and when it came; 0: none yet */
	u64 floor_at_us;  /* when floor_us was last raised or lowered */
	s32 floor_us;	  /* smallest offset from the two above, may be negative */
	u8 floor_own;	  /* it was taken while there was no queue */
	u8 pad[3];

	u64 zero_window_sent_ns;     /* since when we advertise none; 0: we do */
	u64 zero_window_received_ns; /* since when the peer advertises none */
	u64 zero_window_received_us; /* sum, while data waited */

	u32 slot;    /* of the endpoint's aggregates; TCPD_NO_SLOT: none left */
	u8 pending;  /* TCPD_PENDING_*: not decided yet, nothing is reported */
	u8 rejected; /* the filters left it out */
	u8 outstanding;
	u8 in_response;
	u8 exact;	   /* the times of the newest request were seen, not inferred */
	u8 previous_state; /* before the newest state change */
	u8 syn_sent;	   /* a SYN was handed to the device */
	u8 fin_marked;	   /* so was the FIN */
	u8 app_gap_ambiguous;
	u8 call_noted;	   /* who makes the call that is under way was looked up */
	u8 close_reported; /* the event of its end is in the ring */
};

#endif
