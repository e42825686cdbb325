// SPDX-License-Identifier: GPL-2.0-only
/* The packet path: requests and responses (exchange.h), the network path (path.h), this host's
 * queue, the reading application (window.h), and who owns the socket. */
#include "kernel_types.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "cost.h"
#include "emit.h"
#include "packet.h"
#include "path.h"
#include "recovery.h"
#include "window.h"

/* A departure time further back is not believed. */
#define HOST_QUEUE_MAX_NS 60000000000ULL

static __always_inline void probe(struct sock *sk, struct tcpd_sock *s, const struct sk_buff *skb,
				  u64 now)
{
	struct tcpd_endpoint_stats *stats = tcpd_stats_of(s);
	struct tcpd_packet packet;
	u32 rcv_nxt, rtt;

	/* the TCP header is at skb->data here, and all figures of the socket are those before this
	 * segment */
	if (!tcpd_read_packet(&packet, skb->data, skb->len))
		return;
	/* a RST without an ACK has anything there; what was not sent cannot be acknowledged */
	if (!(packet.flags & TCP_FLAG_ACK_BIT) || tcpd_after(packet.ack, tcpd_tcp(sk, snd_nxt)))
		packet.ack = tcpd_tcp(sk, snd_una);
	tcpd_sync_sent(s, packet.ack, now); /* no FIN is sent yet: this is ESTABLISHED */
	rcv_nxt = tcpd_tcp(sk, rcv_nxt);
	if (s->outstanding && !s->request_acked_ns && s->ref.role != TCPD_ROLE_INBOUND &&
	    !tcpd_after(s->sent_high, packet.ack))
		s->request_acked_ns = now;
	tcpd_sync_received(s, rcv_nxt, now);
	rtt = s->path_count ? tcpd_path_acked(s, packet.ack, now / 1000) : 0;
	if (stats) {
		if (rtt)
			tcpd_path_sample(sk, s, stats, &packet, rtt);
		tcpd_recovery_acked(s, stats, packet.ack, now);
		tcpd_rtt_sample(sk, s, stats);
		tcpd_path_in(sk, s, stats, &packet, now);
		tcpd_peer_window(sk, s, stats, packet.window, now);
		if (now - s->flushed_ns > TCPD_FLUSH_NS)
			tcpd_flush(sk, s, stats, now);
	}
	/* new data, and no gap before it: what fills no gap has not arrived for the application */
	if (!packet.payload || !tcpd_after(packet.end, rcv_nxt) || tcpd_after(packet.seq, rcv_nxt))
		return;
	tcpd_received(s, packet.end - rcv_nxt, now);
	tcpd_read_mark(sk, s, packet.end, now);
	s->received_high = packet.end;
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(tcpd_probe, struct sock *sk, struct sk_buff *skb)
{
	struct tcpd_sock *s;
	u64 now;

	/* fires in ESTABLISHED only */
	if (!tcpd_netns_wanted(sk->__sk_common.skc_net.net->ns.inum))
		return 0;
	now = bpf_ktime_get_ns();
	s = tcpd_sock_find(sk);
	if (s && !s->rejected) {
		probe(sk, s, skb, now);
		tcpd_cost(TCPD_PROG_PROBE, now);
	}
	return 0;
}

static __always_inline void first_syn(struct sock *sk, struct tcpd_sock *s,
				      const struct tcpd_packet *packet, u64 now)
{
	u32 begin = packet->seq + 1;

	s->syn_sent = 1;
	if (s->syn_ns)
		return;
	s->syn_ns = now;
	if (tcpd_local_port_known(sk, s))
		tcpd_emit_plain(TCPD_EVENT_CONNECT, s, sk, TCP_CLOSE, now);
	if (!packet->payload)
		return;
	/* TCP Fast Open: the request goes with the SYN (RFC 7413) */
	s->sent_high = begin + packet->payload;
	tcpd_path_mark(s, begin, s->sent_high, now);
	tcpd_sent(s, packet->payload, now);
}

/* Data is on its way to the device. If it begins a request or an answer: who sends it? The first
 * request of a connection belongs to the call that connected, unless that thread had read nothing. */
static __always_inline void note_sender(const struct sock *sk, struct tcpd_sock *s, u64 now)
{
	bool inbound = s->ref.role == TCPD_ROLE_INBOUND;

	if (inbound ? !s->outstanding
		    : s->outstanding || (s->call_noted && s->app_gap_us != TCPD_UNKNOWN_US))
		return;
	if (!s->established_ns && !s->ref.older_than_trace)
		return;
	/* an ACK alone leaves nothing unsent */
	if (tcpd_tcp(sk, write_seq) == tcpd_tcp(sk, snd_nxt))
		return;
	if (inbound)
		tcpd_answered_by_current(s);
	else
		tcpd_call_begins(s, now);
}

/* From the moment that TCP stamped to the driver: qdiscs and what lies before them. */
static __always_inline void host_queue(struct tcpd_endpoint_stats *stats, const struct sk_buff *skb,
				       u64 now)
{
	u64 departure = tcpd_departure_ns(skb);

	if (departure && departure <= now && now - departure < HOST_QUEUE_MAX_NS)
		tcpd_hist_add(&stats->measures[TCPD_HOST_QUEUE], now - departure);
}

static __always_inline void note_device(const struct tcpd_sock *s, const struct net_device *dev)
{
	struct tcpd_endpoint_shared *shared = tcpd_shared_of(s);

	if (shared && !shared->device[0])
		bpf_probe_read_kernel_str(shared->device, sizeof(shared->device), dev->name);
}

static __always_inline void transmit(struct sock *sk, struct tcpd_sock *s,
				     const struct sk_buff *skb, const struct net_device *dev,
				     u64 now)
{
	struct tcpd_endpoint_stats *stats = tcpd_stats_of(s);
	unsigned char *header = skb->head + skb->transport_header;
	struct tcpd_packet packet;
	bool is_new;
	u8 fin;

	if (!tcpd_read_packet(&packet, header, skb->len - (u32)(header - skb->data)))
		return;
	if (packet.flags & TCP_FLAG_SYN_BIT) {
		if (sk->__sk_common.skc_state != TCP_SYN_SENT)
			return;
		if (stats && !s->syn_ns)
			host_queue(stats, skb, now);
		first_syn(sk, s, &packet, now);
		return;
	}
	if (stats)
		tcpd_own_window(s, stats, packet.window, now);
	if (!s->established_ns && !s->ref.older_than_trace)
		return;
	/* only the first copy of a byte, on the first device of a stack of them */
	is_new = packet.payload && tcpd_after(packet.end, s->sent_high);
	fin = (packet.flags & TCP_FLAG_FIN_BIT) && !s->fin_marked;
	if (is_new || fin)
		tcpd_path_mark(s, packet.seq, packet.end + fin, now);
	s->fin_marked |= fin;
	if (stats && (is_new || fin))
		host_queue(stats, skb, now);
	if (!is_new)
		return;
	tcpd_sync_received(s, tcpd_received_end(sk), now);
	if (s->outstanding && s->ref.role == TCPD_ROLE_INBOUND &&
	    now - s->request_first_ns >= TCPD_SLOW_ANSWER_NS)
		tcpd_emit_plain(TCPD_EVENT_SLOW_ANSWER, s, sk, sk->__sk_common.skc_state, now);
	tcpd_sent(s, packet.end - s->sent_high, now);
	s->sent_high = packet.end;
	if (!stats)
		return;
	note_device(s, dev);
	if (now - s->flushed_ns > TCPD_FLUSH_NS)
		tcpd_flush(sk, s, stats, now);
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(tcpd_start_xmit, struct sk_buff *skb, struct net_device *dev)
{
	struct sock *sk = skb->sk;
	struct tcpd_sock *s;
	u64 now;

	if (!sk || !tcpd_candidate(sk))
		return 0;
	now = bpf_ktime_get_ns();
	s = tcpd_sock_find(sk);
	if (s && !s->rejected) {
		transmit(sk, s, skb, dev, now);
		tcpd_cost(TCPD_PROG_XMIT, now);
	}
	return 0;
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(tcpd_dev_queue, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	struct tcpd_sock *s;
	u64 now;

	if (!sk || !tcpd_candidate(sk) || !sk->sk_lock.owned)
		return 0;
	now = bpf_ktime_get_ns();
	s = tcpd_sock_find(sk);
	if (s && !s->rejected) {
		tcpd_meet_owner(sk, s, TCPD_OWNER_CALLER, now);
		note_sender(sk, s, now);
		tcpd_cost(TCPD_PROG_QUEUE, now);
	}
	return 0;
}

static __always_inline void has_read(const struct sock *sk, struct tcpd_sock *s, u64 now)
{
	struct tcpd_endpoint_stats *stats;
	u32 waited, copied = tcpd_tcp(sk, copied_seq);

	if (copied == s->copied_seq)
		return; /* a peek */
	s->copied_seq = copied;
	if (s->ref.role == TCPD_ROLE_INBOUND) {
		tcpd_sync_received(s, tcpd_received_end(sk), now);
		if (s->outstanding)
			tcpd_request_read(s, now);
	}
	if (!s->read_count)
		return;
	waited = tcpd_read_done(s, copied, now / 1000);
	if (!waited)
		return;
	stats = tcpd_stats_of(s);
	if (stats)
		tcpd_hist_add(&stats->measures[TCPD_READ_WAIT], (waited - 1) * 1000ULL);
}

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(tcpd_rcv_space_adjust, struct sock *sk)
{
	struct tcpd_sock *s;
	u64 now;

	if (!tcpd_candidate(sk) || !sk->sk_lock.owned)
		return 0;
	now = bpf_ktime_get_ns();
	s = tcpd_sock_find(sk);
	if (s && !s->rejected) {
		tcpd_meet_owner(sk, s, TCPD_OWNER_READER, now);
		has_read(sk, s, now);
		tcpd_cost(TCPD_PROG_READ, now);
	}
	return 0;
}
