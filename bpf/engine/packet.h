/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What is read of a packet: its TCP header, never its payload. */
#ifndef TCPDIAG_ENGINE_PACKET_H
#define TCPDIAG_ENGINE_PACKET_H

#include "engine/types.h"

#define TCPD_FLAG_FIN 0x01
#define TCPD_FLAG_SYN 0x02
#define TCPD_FLAG_ACK 0x10

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

static __always_inline u32 tcpd_from_net32(u32 v)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(v) : v;
}

static __always_inline u16 tcpd_from_net16(u16 v)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(v) : v;
}

/* length: bytes from the header's beginning to the end of the packet. What lies behind a header
 * that is shorter than the struct is not looked at, but must be readable. */
static __always_inline void tcpd_parse_packet(struct tcpd_packet *packet,
					      const struct tcpd_tcp_header *header, u32 length)
{
	u32 header_bytes = (header->data_offset >> 4) * 4;

	packet->seq = tcpd_from_net32(header->seq);
	packet->ack = tcpd_from_net32(header->ack);
	packet->payload = length > header_bytes ? length - header_bytes : 0;
	packet->end = packet->seq + packet->payload;
	packet->window = tcpd_from_net16(header->window);
	packet->flags = header->flags;
	packet->has_timestamp = header_bytes >= 32 && header->option == tcpd_from_net32(0x0101080a);
	packet->tsval = tcpd_from_net32(header->tsval);
}

#endif
