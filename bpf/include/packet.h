/* SPDX-License-Identifier: GPL-2.0-only */
/* What is read of a packet: its TCP header, never its payload. */
#ifndef TCPDIAG_PACKET_H
#define TCPDIAG_PACKET_H

#include "kernel_types.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define TCP_FLAG_FIN_BIT 0x01
#define TCP_FLAG_SYN_BIT 0x02
#define TCP_FLAG_ACK_BIT 0x10

/* RFC 9293 section 3.1, as it lies in memory, with the timestamps option where Linux puts it: NOP
 * NOP 8 10 TSval TSecr (RFC 7323 appendix A). */
struct tcpd_tcp_header {
	u16 source, dest;
	u32 seq, ack;
	u8 data_offset; /* upper half: header length in 4 bytes */
	u8 flags;
	u16 window, checksum, urgent;
	u32 option; /* 0x0101080a: timestamps follow */
	u32 tsval;
};

struct tcpd_packet {
	u32 seq;
	u32 end; /* of the payload, without SYN and FIN */
	u32 ack;
	u32 payload; /* bytes */
	u32 tsval;
	u16 window; /* not scaled */
	u8 flags;
	u8 has_timestamp;
};

/* header: address of the TCP header; length: bytes from there to the end of the packet. */
static __always_inline bool tcpd_read_packet(struct tcpd_packet *packet,
					     const unsigned char *header, u32 length)
{
	struct tcpd_tcp_header h;
	u32 header_bytes;

	if (bpf_probe_read_kernel(&h, sizeof(h), header))
		return false;
	header_bytes = (h.data_offset >> 4) * 4;
	packet->seq = bpf_ntohl(h.seq);
	packet->ack = bpf_ntohl(h.ack);
	packet->payload = length > header_bytes ? length - header_bytes : 0;
	packet->end = packet->seq + packet->payload;
	packet->window = bpf_ntohs(h.window);
	packet->flags = h.flags;
	packet->has_timestamp = header_bytes >= 32 && h.option == bpf_htonl(0x0101080a);
	packet->tsval = bpf_ntohl(h.tsval);
	return true;
}

#endif
