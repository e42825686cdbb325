/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose a socket is, and whether the filters want its owner. */
#ifndef TCPDIAG_LIB_OWNER_H
#define TCPDIAG_LIB_OWNER_H

#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "lib/maps.bpf.h"

#define PF_KTHREAD 0x00200000

static __always_inline bool tcpd_current_exiting(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return BPF_CORE_READ(task, flags) & PF_EXITING;
}

static __always_inline void tcpd_fill_owner_names(struct tcpd_wire_owner *owner,
						  struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct pid *pid = BPF_CORE_READ(leader, thread_pid);
	u32 level = BPF_CORE_READ(pid, level);
	/* the kernel's element is larger than the part of it that is declared here */
	const char *number =
		(const char *)&pid->numbers[0].nr + (level & 31) * bpf_core_type_size(struct upid);

	BPF_CORE_READ_STR_INTO(&owner->comm, leader, comm);
	bpf_probe_read_kernel(&owner->ns_tgid, sizeof(owner->ns_tgid), number);
}

/* Also everything that the named cgroups hold that was made while tracing: the ancestors of the
 * current task's cgroup are looked up, too. bpf_get_current_ancestor_cgroup_id() is for tracing
 * programs since 5.15 only, so this follows the pointers. */
tcpd_subprogram bool tcpd_cgroup_wanted(u64 id, bool of_current)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct cgroup_subsys_state *state;
	u64 ancestor;
	int level;

	if (bpf_map_lookup_elem(&tcpd_cgroup_set, &id))
		return true;
	if (!of_current)
		return false;
	state = BPF_CORE_READ(task, cgroups, dfl_cgrp, self.parent);
	for (level = 0; level < 16 && state; level++) {
		ancestor = BPF_CORE_READ(state, cgroup, kn, id);
		if (bpf_map_lookup_elem(&tcpd_cgroup_set, &ancestor))
			return true;
		state = BPF_CORE_READ(state, parent);
	}
	return false;
}

static __always_inline bool tcpd_owner_wanted(const struct tcpd_wire_owner *owner, bool is_current)
{
	struct tcpd_comm comm;

	if (tcpd_cfg.filter_pid && !bpf_map_lookup_elem(&tcpd_pid_set, &owner->tgid))
		return false;
	if (tcpd_cfg.filter_comm) {
		__builtin_memcpy(comm.name, owner->comm, sizeof(comm.name));
		if (!bpf_map_lookup_elem(&tcpd_comm_set, &comm))
			return false;
	}
	return !tcpd_cfg.filter_cgroup || tcpd_cgroup_wanted(owner->cgroup_id, is_current);
}

/*
 * The current task is the owner: only to be called where it holds the socket's lock by a system
 * call, never in a softirq, whose current task is a stranger. Threads of the kernel (kTLS,
 * strparser) own nothing.
 */
static __always_inline bool tcpd_own_by_current(struct tcpd_wire_owner *owner, u8 source)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u64 id = bpf_get_current_pid_tgid();

	if (!id || (BPF_CORE_READ(task, flags) & PF_KTHREAD))
		return false;
	owner->tgid = id >> 32;
	owner->tid = (u32)id;
	owner->source = source;
	owner->cgroup_id = bpf_get_current_cgroup_id();
	tcpd_fill_owner_names(owner, task);
	return true;
}

/* Another process than the owner uses the socket: it was inherited by fork() or passed. */
static __always_inline bool tcpd_becomes_shared(const struct tcpd_sock *s)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u32 tgid = bpf_get_current_pid_tgid() >> 32;

	return tgid && tgid != s->owner.tgid && !s->owner.shared &&
	       !(BPF_CORE_READ(task, flags) & PF_KTHREAD);
}

#endif
