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

	u32 slot;    /* of the endpoint's aggregates; TCPD_NO_SLOT: none left */
	u8 pending;  /* TCPD_PENDING_*: not decided yet, nothing is reported */
	u8 rejected; /* the filters left it out */
	u8 outstanding;
	u8 in_response;
	u8 exact;	   /* the times of the newest request were seen, not inferred */
	u8 previous_state; /* before the newest state change */
	u8 syn_sent;	   /* a SYN was handed to the device */
	u8 close_reported; /* the event of its end is in the ring */
};

#endif
