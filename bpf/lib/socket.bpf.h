/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record kept for one socket. With sk_storage it is charged to the socket's owner (optmem_max,
 * 20 KiB at least), so it stays well below 1 KiB.
 */
#ifndef TCPDIAG_LIB_SOCKET_H
#define TCPDIAG_LIB_SOCKET_H

#include "lib/kernel_types.bpf.h"

#include "engine/connection.h"
#include "wire.h"

/* What still has to be known before the filters can decide about the socket. */
#define TCPD_PENDING_PORT 1  /* the local port of a connecting socket */
#define TCPD_PENDING_OWNER 2 /* the owner of an accepted or older socket */

/* app_gap.bpf.h: the newest inbound request that a thread has read. */
struct tcpd_thread {
	u64 started_ns; /* of the task: its id may be used again */
	u64 sock_id;	/* 0: that request was answered */
	u64 read_ns;	/* the newest read */
	u32 open;	/* requests it has read that were not answered */
	u32 calls;	/* begun since the newest request was first read */
};

/* How long a socket had data to send, and of that, was kept from it by the peer's window or by its
 * own send buffer; in jiffies (tcp_get_info_chrono_stats). */
struct tcpd_limits {
	u32 busy;
	u32 rwnd;
	u32 sndbuf;
};

struct tcpd_sock {
	struct tcpd_wire_sock ref;
	struct tcpd_wire_owner owner;
	struct tcpd_connection c;

	u64 opened_ns;
	u64 fin_received_ns;
	u64 fin_sent_ns;

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
	u32 flushed_una; /* the sequence numbers that belong to these two */
	u32 flushed_rcv;
	u32 flushed_segs_out;
	u32 flushed_segs_in;
	u32 flushed_rcv_ooopack;
	struct tcpd_limits flushed_limits;

	/* app_gap.bpf.h */
	u32 reader_tid; /* who read the newest inbound request first; 0: nobody yet */
	u64 request_read_ns;

	struct tcpd_slot slot; /* of the endpoint's aggregates */
	u8 pending;	       /* TCPD_PENDING_*: not decided yet, nothing is reported */
	u8 rejected;	       /* the filters left it out */
	u8 previous_state;     /* before the newest state change */
	u8 syn_sent;	       /* a SYN was handed to the device */
	u8 close_reported;     /* the event of its end is in the ring */
	u8 counts_as_open;     /* among its endpoint's sockets */
};

/* Which socket it is, known from the record's beginning on. */
static __always_inline void tcpd_sock_is(struct tcpd_sock *s, const struct tcpd_wire_sock *ref)
{
	s->ref = *ref;
	s->c.inbound = ref->role == TCPD_ROLE_INBOUND;
	s->c.is_older = ref->older_than_trace;
}

#endif
