/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel skips a tracing program that is running already on this CPU: when a softirq interrupts
 * it, what the softirq does is not seen (6.1, commit 05b24ff9b2cf: "bpf: Prevent bpf program
 * recursion for raw tracepoint probes"). So each program of which no run may be missed has a twin
 * at the same tracepoint, which acts only while the first one is running: then it is the one that
 * was skipped. Where the kernel skips nothing, the loader leaves the twins out.
 */
#ifndef TCPDIAG_LIB_NESTED_H
#define TCPDIAG_LIB_NESTED_H

#include "lib/kernel_types.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "wire.h"

#ifndef __weak
#define __weak __attribute__((weak))
#endif

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TCPD_PROGRAMS);
	__type(key, u32);
	__type(value, u32);
} tcpd_running __weak SEC(".maps");

/* Is the first of the twins running on this CPU? program: enum tcpd_program. */
static __always_inline bool tcpd_is_running(u32 program)
{
	volatile u32 *running = bpf_map_lookup_elem(&tcpd_running, &program);

	return running && *running;
}

static __always_inline void tcpd_set_running(u32 program, u32 yes)
{
	volatile u32 *running = bpf_map_lookup_elem(&tcpd_running, &program);

	if (running)
		*running = yes;
}

/*
 * A program and its twin, NAME and NAME_nested, from one body: `run` where `matters`; both may use
 * the tracepoint's arguments. The twin is a program of its own, so the kernel verifies the body
 * twice: one function for both would have to be global, and to those 5.10 passes neither the
 * context of a tracing program nor a pointer to a kernel's struct.
 */
#define TCPD_TWINS(tracepoint, name, program, matters, run, args...) \
	SEC("tp_btf/" tracepoint)                                    \
	int BPF_PROG(name, args)                                     \
	{                                                            \
		if (!(matters))                                      \
			return 0;                                    \
		tcpd_set_running(program, 1);                        \
		run;                                                 \
		tcpd_set_running(program, 0);                        \
		return 0;                                            \
	}                                                            \
                                                                     \
	SEC("tp_btf/" tracepoint)                                    \
	int BPF_PROG(name##_nested, args)                            \
	{                                                            \
		if (tcpd_is_running(program) && (matters))           \
			run;                                         \
		return 0;                                            \
	}

#endif
