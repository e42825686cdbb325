/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All maps and settings of the kernel side. They are weak, so that every object file may include
 * this header: bpftool merges them into one when it links the objects.
 *
 * Bounds (the loader may lower or raise max_entries): events 4 MiB; endpoints 256, each about 12
 * KiB a CPU; per-socket state as many as there are sockets (about 900 bytes each), or 65,536 where
 * sk_storage cannot be used.
 */
#ifndef TCPDIAG_LIB_MAPS_H
#define TCPDIAG_LIB_MAPS_H

#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_helpers.h>

#include "lib/dns_query.bpf.h"
#include "lib/socket.bpf.h"
#include "wire.h"

#ifndef __weak
#define __weak __attribute__((weak))
#endif

const volatile struct tcpd_config tcpd_cfg __weak SEC(".rodata") = {};
const volatile struct tcpd_expression_step tcpd_expression[TCPD_EXPRESSION_STEPS] __weak
	SEC(".rodata") = {};

/* The trace has ended: what follows belongs to nobody. Detaching all programs takes time, in which
 * one would still count what another no longer sees. */
volatile __u32 tcpd_is_over __weak SEC(".data") = 0;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} tcpd_events __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tcpd_sock);
} tcpd_storage __weak SEC(".maps");

/* Instead of tcpd_storage on kernels before 5.11. Key: the address of the struct sock; an entry is
 * overwritten when the address is used again, and is not deleted with the socket, since resets may
 * follow tcp_destroy_sock. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, struct tcpd_sock);
} tcpd_socks __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct tcpd_endpoint_key);
	__type(value, struct tcpd_slot);
} tcpd_endpoints __weak SEC(".maps");

/* Slots that no endpoint uses; filled by the loader, and later with those that it takes back. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 256);
	__type(value, struct tcpd_slot);
} tcpd_free_slots __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, struct tcpd_endpoint_stats);
} tcpd_stats __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, struct tcpd_endpoint_shared);
} tcpd_shared __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TCPD_COUNTERS);
	__type(key, u32);
	__type(value, u64);
} tcpd_counters __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TCPD_PROGRAMS);
	__type(key, u32);
	__type(value, struct tcpd_cost);
} tcpd_costs __weak SEC(".maps");

/* How many events were emitted, of all CPUs together. What was emitted before the newest second is
 * taken off, so that nothing has to be set back to 0 while others add to it. */
struct tcpd_budget {
	u64 second; /* of the monotonic clock: the newest in which something was to be emitted */
	s64 emitted;
	s64 emitted_before;
	s64 repeated; /* of those emitted, see tcpd_within_budget() */
	s64 repeated_before;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct tcpd_budget);
} tcpd_budgets __weak SEC(".maps");

/* Ports that somebody listens on; filled by the seeding iterator, which meets listeners before
 * connections. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct tcpd_listener_key);
	__type(value, u8);
} tcpd_listeners __weak SEC(".maps");

/* What a thread has read from inbound sockets and not answered yet; key: its id. A thread that is
 * not met for long is forgotten first. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, struct tcpd_thread);
} tcpd_threads __weak SEC(".maps");

/* Queries for names that wait for their answer; each is there twice, see lib/dns.bpf.h. The longest
 * unused is forgotten first: its answer is not seen then. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct tcpd_dns_key);
	__type(value, struct tcpd_dns_query);
} tcpd_dns_queries __weak SEC(".maps");

/* Filters. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u8);
} tcpd_netns_set __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192); /* with --children also those that are forked while tracing */
	__type(key, u32);
	__type(value, u8);
} tcpd_pid_set __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tcpd_comm);
	__type(value, u8);
} tcpd_comm_set __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, u8);
} tcpd_cgroup_set __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u16);
	__type(value, u8);
} tcpd_local_ports __weak SEC(".maps"), tcpd_remote_ports __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct tcpd_cidr_key);
	__type(value, u8);
} tcpd_local_addrs __weak SEC(".maps"), tcpd_remote_addrs __weak SEC(".maps");

/* Atomic: a program may be interrupted here by another of the same CPU that counts, too. */
static __always_inline void tcpd_count(u32 counter)
{
	u64 *n = bpf_map_lookup_elem(&tcpd_counters, &counter);

	if (n)
		__sync_fetch_and_add(n, 1);
}

#endif
