/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * app_gap: from a thread's last read of an inbound request to the call that it makes for it: its
 * connect, or its first send on an idle outbound socket. Both are seen where the thread holds the
 * socket's lock, so it truly is the one that reads or sends.
 *
 * A request belongs to the thread that read of it last, until the first byte of its answer leaves,
 * whoever writes that. A thread that has several of them open (an event loop) makes the gap
 * ambiguous. Where one thread reads and another one calls, nothing is known: the caller has read
 * nothing.
 */
#ifndef TCPDIAG_LIB_APP_GAP_H
#define TCPDIAG_LIB_APP_GAP_H

#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "lib/endpoint.bpf.h"
#include "lib/maps.bpf.h"
#include "lib/tcp.bpf.h"

static __always_inline u64 tcpd_current_started_ns(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return BPF_CORE_READ(task, start_time);
}

/* The current thread's entry, NULL: it has read nothing, or it is another thread's of that id. */
static __always_inline struct tcpd_thread *tcpd_current_thread(u32 tid)
{
	struct tcpd_thread *thread = bpf_map_lookup_elem(&tcpd_threads, &tid);

	return thread && thread->started_ns == tcpd_current_started_ns() ? thread : NULL;
}

/* The thread that has read the newest inbound request has no part in it any more. */
static __always_inline void tcpd_reader_leaves(struct tcpd_sock *s)
{
	struct tcpd_thread *thread;
	u32 tid = s->reader_tid;

	s->reader_tid = 0;
	if (!tid)
		return;
	thread = bpf_map_lookup_elem(&tcpd_threads, &tid);
	if (!thread)
		return;
	if (thread->open)
		thread->open--;
	if (thread->sock_id == s->ref.id)
		thread->sock_id = 0;
}

/* The current thread has read from an inbound socket whose request is not answered yet. */
tcpd_subprogram int tcpd_request_read(struct tcpd_sock *s, u64 now)
{
	struct tcpd_thread fresh = {};
	struct tcpd_thread *thread;
	u32 tid = (u32)bpf_get_current_pid_tgid();
	bool first = s->reader_tid != tid;

	if (!tid)
		return 0;
	if (!s->request_read_ns)
		s->request_read_ns = now;
	if (first) {
		tcpd_reader_leaves(s);
		s->reader_tid = tid;
	}
	thread = tcpd_current_thread(tid);
	if (!thread) {
		fresh.started_ns = tcpd_current_started_ns();
		fresh.sock_id = s->ref.id;
		fresh.read_ns = now;
		fresh.open = 1;
		bpf_map_update_elem(&tcpd_threads, &tid, &fresh, BPF_ANY);
		return 0;
	}
	if (first || thread->sock_id != s->ref.id)
		thread->calls = 0;
	if (first)
		thread->open++;
	thread->sock_id = s->ref.id;
	thread->read_ns = now;
	return 0;
}

/* The answer to the newest inbound request begins, or none will come: it is nobody's any more. */
tcpd_subprogram int tcpd_request_over(struct tcpd_sock *s)
{
	tcpd_reader_leaves(s);
	s->request_read_ns = 0;
	return 0;
}

/* Something was sent; `before`: how many exchanges there were then. */
static __always_inline void tcpd_answers_noted(struct tcpd_sock *s, u64 before)
{
	if (s->c.inbound && s->c.exchanges != before)
		tcpd_request_over(s);
}

/* The current thread writes the answer to an inbound request. If it is not the one that read it, a
 * reader's calls tell nothing about the requests of this endpoint. */
static __always_inline void tcpd_answered_by_current(const struct tcpd_sock *s)
{
	struct tcpd_endpoint_shared *shared;

	if (!s->reader_tid || s->reader_tid == (u32)bpf_get_current_pid_tgid())
		return;
	shared = tcpd_shared_of(s);
	if (shared)
		shared->handed_over = 1;
}

/* The current thread begins a call on an outbound socket whose lock it holds. */
tcpd_subprogram int tcpd_call_begins(struct tcpd_sock *s, u64 now)
{
	struct tcpd_thread *thread;
	u64 gap_us;

	s->c.call_noted = 1;
	s->c.call_tid = (u32)bpf_get_current_pid_tgid();
	s->c.app_gap_us = TCPD_UNKNOWN_US;
	s->c.app_gap_ambiguous = 0;
	thread = tcpd_current_thread(s->c.call_tid);
	if (!thread || !thread->sock_id || now < thread->read_ns)
		return 0;
	thread->calls++;
	gap_us = (now - thread->read_ns) / 1000;
	if (gap_us >= TCPD_UNKNOWN_US)
		return 0;
	s->c.app_gap_us = gap_us;
	s->c.app_gap_ambiguous = thread->open > 1;
	return 0;
}

/* How many calls the thread that read the newest inbound request has begun since; unknown too where
 * requests are handed over to other threads. */
tcpd_subprogram u32 tcpd_calls_since_read(const struct tcpd_sock *s)
{
	struct tcpd_endpoint_shared *shared;
	struct tcpd_thread *thread;
	u32 tid = s->reader_tid;

	if (!tid || !s->c.inbound)
		return TCPD_UNKNOWN_CALLS;
	shared = tcpd_shared_of(s);
	if (shared && shared->handed_over)
		return TCPD_UNKNOWN_CALLS;
	thread = bpf_map_lookup_elem(&tcpd_threads, &tid);
	if (!thread || thread->sock_id != s->ref.id)
		return TCPD_UNKNOWN_CALLS;
	return thread->calls < 255 ? thread->calls : 255;
}

#endif
