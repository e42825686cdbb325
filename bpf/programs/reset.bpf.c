// SPDX-License-Identifier: GPL-2.0-only
/* Resets, both ways. */
#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/compat.bpf.h"
#include "lib/cost.bpf.h"
#include "lib/emit.bpf.h"
#include "lib/filter.bpf.h"
#include "lib/flow.bpf.h"
#include "lib/nested.bpf.h"
#include "lib/owner.bpf.h"

static __always_inline void reset_received(struct sock *sk)
{
	struct tcpd_sock *s;
	u64 now = bpf_ktime_get_ns();

	s = tcpd_sock_find(sk);
	if (!s)
		return;
	tcpd_catch_up_received(s, sk, now);
	tcpd_emit_plain(TCPD_EVENT_RESET_RECEIVED, s, sk, sk->__sk_common.skc_state, now);
	tcpd_cost(TCPD_PROG_RESET_RECEIVED, now);
}

/* A RST that TCP took. In CLOSE it changes nothing and is not counted (tcp_reset). */
static __always_inline bool reset_matters(const struct sock *sk)
{
	return tcpd_candidate(sk) && sk->__sk_common.skc_state != TCP_CLOSE;
}

TCPD_TWINS("tcp_receive_reset", tcpd_receive_reset, TCPD_PROG_RESET_RECEIVED, reset_matters(sk),
	   reset_received(sk), struct sock *sk)

/* The tuple of the packet that is answered, seen from this host. Only what lies in the linear part
 * can be read; the headers do (pskb_may_pull in the receive path). The receive path takes the
 * device off a packet that a listener gets (tcp_v4_rcv), so the namespace is then the listener's. */
static __always_inline bool read_packet_tuple(const struct sock *sk, const struct sk_buff *skb,
					      struct tcpd_wire_sock *ref)
{
	unsigned char *head = skb->head;
	unsigned char *ip = head + skb->network_header, *tcp = head + skb->transport_header;
	struct net_device *dev = skb->dev;
	u8 version = 0;
	u16 ports[2];
	u32 addr[2];

	if (dev)
		ref->netns = dev->nd_net.net->ns.inum;
	else if (sk)
		ref->netns = sk->__sk_common.skc_net.net->ns.inum;
	else
		return false;
	if (bpf_probe_read_kernel(&version, 1, ip) ||
	    bpf_probe_read_kernel(ports, sizeof(ports), tcp))
		return false;
	ref->rport = bpf_ntohs(ports[0]);
	ref->lport = bpf_ntohs(ports[1]);
	if (version >> 4 == 4) {
		if (bpf_probe_read_kernel(addr, sizeof(addr), ip + 12))
			return false;
		tcpd_map_v4(ref->raddr, addr[0]);
		tcpd_map_v4(ref->laddr, addr[1]);
		return true;
	}
	return version >> 4 == 6 && !bpf_probe_read_kernel(ref->raddr, 16, ip + 8) &&
	       !bpf_probe_read_kernel(ref->laddr, 16, ip + 24);
}

/* A reset for which there is no connection of ours: nobody listens, TIME_WAIT, a half-open request.
 */
static __always_inline void reset_without_socket(const struct sock *sk, const struct sk_buff *skb,
						 s32 reason)
{
	struct tcpd_wire_sock ref = {};
	struct tcpd_wire_event *e;
	bool time_wait = sk && sk->__sk_common.skc_state == TCP_TIME_WAIT;

	if (time_wait)
		tcpd_read_tuple(&sk->__sk_common, &ref);
	else if (!skb || !read_packet_tuple(sk, skb, &ref))
		return;
	if (!tcpd_netns_wanted(ref.netns))
		return;
	if (tcpd_owner_matters() || tcpd_cfg.filter_role || !tcpd_tuple_wanted(&ref))
		return;
	e = tcpd_event_without_socket(TCPD_EVENT_RESET_SENT, &ref);
	if (!e)
		return;
	e->body.reset.reason = reason;
	e->body.reset.answers_packet = 1;
	e->body.reset.in_time_wait = time_wait;
	bpf_ringbuf_submit(e, 0);
}

static __always_inline void reset_sent(struct sock *sk, const struct sk_buff *skb, s32 reason)
{
	struct tcpd_wire_event *e;
	struct tcpd_sock *s;
	u64 now;

	if (!sk || !tcpd_is_connection(sk)) {
		reset_without_socket(sk, skb, reason);
		return;
	}
	if (!tcpd_candidate(sk))
		return;
	now = bpf_ktime_get_ns();
	s = tcpd_sock_find(sk);
	if (!s)
		return;
	tcpd_catch_up_received(s, sk, now);
	e = tcpd_event_begin(TCPD_EVENT_RESET_SENT, s, sk, sk->__sk_common.skc_state, now);
	if (!e)
		return;
	e->body.reset.reason = reason;
	e->body.reset.answers_packet = skb != NULL;
	e->body.reset.process_exiting = sk->sk_lock.owned && tcpd_current_exiting();
	e->body.reset.linger_zero = ((sk->__sk_common.skc_flags >> SOCK_LINGER) & 1) &&
				    sk->sk_lingertime == 0;
	e->body.reset.unaccepted = s->c.inbound && !sk->sk_socket && !s->fin_sent_ns;
	e->body.reset.previous_state = sk->__sk_common.skc_state == TCP_CLOSE
					       ? s->previous_state
					       : sk->__sk_common.skc_state;
	bpf_ringbuf_submit(e, 0);
	tcpd_cost(TCPD_PROG_RESET, now);
}

/* With a reason: kernel 6.10, commit b533fb9cf4f7 ("rstreason: make it work in trace world"). The
 * loader attaches the one of the two whose prototype the kernel has. Before, only full sockets were
 * reported. */
TCPD_TWINS("tcp_send_reset", tcpd_send_reset_reason, TCPD_PROG_RESET, true,
	   reset_sent(sk, skb, reason), struct sock *sk, struct sk_buff *skb, int reason)

TCPD_TWINS("tcp_send_reset", tcpd_send_reset, TCPD_PROG_RESET, true, reset_sent(sk, skb, -1),
	   struct sock *sk, struct sk_buff *skb)
