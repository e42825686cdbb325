/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The kernel's dialect of C, as far as the engine speaks it: for the kernel programs, and for C and
 * C++ of this host.
 */
#ifndef TCPDIAG_ENGINE_TYPES_H
#define TCPDIAG_ENGINE_TYPES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

#ifdef __bpf__
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#endif
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif

/* A function of its own in the object, where inlining it several times would only lengthen the
 * verifier's walk. At most five arguments. */
#define tcpd_subprogram static __noinline __attribute__((unused))

/* Is the sequence number a beyond b (RFC 9293 section 3.4)? */
static __always_inline bool tcpd_after(u32 a, u32 b)
{
	return (s32)(a - b) > 0;
}

#endif
