/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What Linux's retransmissions mean, from what stands in the socket at tcp_retransmit_skb: the one
 * place that says it, for the kernel programs and for what reads their events. The numbers are the
 * same in all supported kernels (include/net/inet_connection_sock.h, include/net/tcp.h).
 */
#ifndef TCPDIAG_ENGINE_RETRANSMIT_H
#define TCPDIAG_ENGINE_RETRANSMIT_H

#include <linux/errno.h>

enum { TCPD_TIMER_NONE, TCPD_TIMER_LOSS_PROBE = 5 }; /* icsk_pending */
enum { TCPD_CA_RECOVERY = 3, TCPD_CA_LOSS = 4 };     /* icsk_ca_state */

/* The four early returns of __tcp_retransmit_skb(), before a segment is made. Any other error (own
 * qdisc dropped it, a netfilter rule refused it) comes after the kernel has counted the segments,
 * so it is a retransmission, as in TcpRetransSegs. */
static inline int tcpd_sent_nothing(int error)
{
	return error == -EBUSY || error == -EAGAIN || error == -EHOSTUNREACH || error == -ENOMEM;
}

/* The RTO's own: its handler has just cleared icsk_pending. With the timer armed again it is repair
 * that ACKs clock. */
static inline int tcpd_is_rto(unsigned char timer_pending, unsigned char ca_state)
{
	return timer_pending == TCPD_TIMER_NONE && ca_state == TCPD_CA_LOSS;
}

#endif
