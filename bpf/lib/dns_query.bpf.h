/* SPDX-License-Identifier: GPL-2.0-only */
/* A query for a name that waits for its answer. */
#ifndef TCPDIAG_LIB_DNS_QUERY_H
#define TCPDIAG_LIB_DNS_QUERY_H

#include "lib/kernel_types.bpf.h"

/* As the packets have it, so after the socket's address was translated (a container's resolver, a
 * service of Kubernetes). */
struct tcpd_dns_key {
	u8 laddr[16];
	u8 raddr[16];
	u16 lport;
	u16 rport;
	u16 id;
	u16 pad;
	u32 netns; /* 0: whatever the answer's device belongs to */
};

struct tcpd_dns_query {
	u64 first_ns;
	u64 newest_ns;
	u32 netns; /* of the socket */
	u16 port;  /* of the resolver, as the socket has it */
	u16 pad;
	u8 resolver[16];
};

#endif
