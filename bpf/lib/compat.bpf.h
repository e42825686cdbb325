/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the supported kernels (5.10 and later), a function each, with the commit that
 * made the difference. The loader decides by testing for the feature and sets tcpd_cfg, which the
 * verifier sees as constants: a branch that is never taken is not checked, so it may hold helpers
 * that the running kernel lacks.
 */
#ifndef TCPDIAG_LIB_COMPAT_H
#define TCPDIAG_LIB_COMPAT_H

#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "lib/maps.bpf.h"

/* To create entries of the hash without a large stack. */
static const volatile struct tcpd_sock tcpd_zero_sock = {};

/* Socket-local storage in tracing programs: kernel 5.11, commit 8e4597c627fb ("bpf: Allow using
 * bpf_sk_storage in FENTRY/FEXIT/RAW_TP"). Before it: a hash with the socket's address as the key. */
static __always_inline struct tcpd_sock *tcpd_sock_find(struct sock *sk)
{
	u64 key = (u64)sk;

	if (tcpd_cfg.have_sk_storage)
		return bpf_sk_storage_get(&tcpd_storage, sk, NULL, 0);
	return bpf_map_lookup_elem(&tcpd_socks, &key);
}

/* A zeroed record, or NULL where there is no room (counted). */
static __always_inline struct tcpd_sock *tcpd_sock_create(struct sock *sk)
{
	struct tcpd_sock *s = NULL;
	u64 key = (u64)sk;

	if (tcpd_cfg.have_sk_storage) {
		s = bpf_sk_storage_get(&tcpd_storage, sk, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
		/* connect() again on a socket that was disconnected finds its old record */
		if (s && s->ref.id)
			__builtin_memset(s, 0, sizeof(*s));
	} else if (!bpf_map_update_elem(&tcpd_socks, &key, (const void *)&tcpd_zero_sock,
					BPF_ANY)) {
		s = bpf_map_lookup_elem(&tcpd_socks, &key);
	}
	if (!s)
		tcpd_count(TCPD_COUNT_SOCKETS_FULL);
	return s;
}

/* A socket that is not followed: what is kept there is of an earlier life of it, or of its
 * address. */
static __always_inline void tcpd_sock_forget(struct sock *sk)
{
	u64 key = (u64)sk;

	if (tcpd_cfg.have_sk_storage)
		bpf_sk_storage_delete(&tcpd_storage, sk);
	else
		bpf_map_delete_elem(&tcpd_socks, &key);
}

/* bpf_get_socket_cookie() in tracing programs: kernel 5.12, commit c5dbb89fc2ac ("bpf: Expose
 * bpf_get_socket_cookie to tracing programs"). Before it the birth time and CPU take its place,
 * with the top bit set. */
static __always_inline void tcpd_sock_identify(struct sock *sk, struct tcpd_wire_sock *ref, u64 now)
{
	if (tcpd_cfg.have_cookie) {
		ref->cookie = bpf_get_socket_cookie(sk);
		ref->id = ref->cookie;
	}
	if (!ref->id)
		ref->id = (1ULL << 63) | (now << 8) | (bpf_get_smp_processor_id() & 0xff);
}

/* bpf_sock_from_file(): kernel 5.11, commit 4f19cab76136 ("bpf: Add a bpf_sock_from_file helper").
 * Before it the pointers are followed by hand; the result is only good as the key of a look-up. */
static __always_inline struct tcpd_sock *tcpd_sock_find_by_file(struct file *file)
{
	struct socket *sock;
	struct sock *sk;
	u64 key;

	if (tcpd_cfg.have_sock_from_file && tcpd_cfg.have_sk_storage) {
		sock = bpf_sock_from_file(file);
		if (!sock)
			return NULL;
		sk = sock->sk;
		if (!sk)
			return NULL;
		return bpf_sk_storage_get(&tcpd_storage, sk, NULL, 0);
	}
	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	sock = BPF_CORE_READ(file, private_data);
	key = (u64)BPF_CORE_READ(sock, sk);
	return bpf_map_lookup_elem(&tcpd_socks, &key);
}

/*
 * When TCP meant the segment to leave, CLOCK_MONOTONIC (EDT, tcp_update_skb_after_send); 0: not
 * known. The clock is told by skb->tstamp_type since 6.11, commit 4d25ca2d6801 ("net: Rename
 * mono_delivery_time to tstamp_type for scalabilty"), by mono_delivery_time since 5.18, commit
 * a1ac9c8acec1 ("net: Add skb->mono_delivery_time to distinguish mono delivery_time from (rcv)
 * timestamp"); before, it always is the monotonic one on the way out.
 */
static __always_inline u64 tcpd_departure_ns(const struct sk_buff *skb)
{
	const struct sk_buff___6_11 *newer = (const void *)skb;
	const struct sk_buff___5_18 *older = (const void *)skb;

	if (bpf_core_field_exists(newer->tstamp_type)) {
		if (BPF_CORE_READ_BITFIELD_PROBED(newer, tstamp_type) !=
		    1 /* SKB_CLOCK_MONOTONIC */)
			return 0;
	} else if (bpf_core_field_exists(older->mono_delivery_time)) {
		if (!BPF_CORE_READ_BITFIELD_PROBED(older, mono_delivery_time))
			return 0;
	}
	return BPF_CORE_READ(skb, skb_mstamp_ns);
}

/*
 * The chronographs of what keeps a socket from sending, as "ss -ti" shows them: since 4.10, commit
 * 05b055e89121 ("tcp: instrument tcp sender limits chronographs"). The one that runs has been
 * running since chrono_start. Every kernel that is supported has them; where one has not, nothing
 * is known.
 */
static __always_inline bool tcpd_read_limits(const struct sock *sk, struct tcpd_limits *limits)
{
	const struct tcp_sock *tp = (const void *)sk;
	u32 running, type;

	if (!bpf_core_field_exists(tp->chrono_stat) || !bpf_core_field_exists(tp->chrono_type))
		return false;
	limits->busy = BPF_CORE_READ(tp, chrono_stat[0]);
	limits->rwnd = BPF_CORE_READ(tp, chrono_stat[1]);
	limits->sndbuf = BPF_CORE_READ(tp, chrono_stat[2]);
	running = (u32)bpf_jiffies64() - BPF_CORE_READ(tp, chrono_start);
	type = BPF_CORE_READ_BITFIELD_PROBED(tp, chrono_type); /* enum tcp_chrono */
	if (type == 2)
		limits->rwnd += running;
	else if (type == 3)
		limits->sndbuf += running;
	else if (type == 1)
		limits->busy += running;
	limits->busy += limits->rwnd + limits->sndbuf;
	return true;
}

#endif
