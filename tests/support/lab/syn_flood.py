#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends SYNs whose source addresses nobody has: syn_flood.py DEVICE SERVER_MAC SERVER_ADDRESS PORT PER_SECOND SECONDS

Prints {"event":"up"}, waits for a line on standard input, sends, prints {"event":"did", "sent":N, "refused":N, "seconds":S}, and
waits for the end of its input. Every SYN has a source address and port of its own, so none is a repeated one. What is behind its time
is sent at once, a millisecond's worth together; what the device has no room for is refused.
"""

import errno
import ipaddress
import itertools
import json
import socket
import struct
import sys
import time

# RFC 2544's range for benchmarks, and as many of the lab's own local addresses.
SOURCES = {4: "198.18.0.0/15", 6: "fd00:18::/111"}
PORTS_FROM = 1024
BATCHES_PER_SECOND = 1000
TCP_PROTOCOL, HEADER_BYTES = 6, 24
SYN, MSS = 2, 1460


def words(data: bytes) -> int:
    """The sum of the 16-bit words: checksums are made of it (RFC 1071)."""
    return sum(struct.unpack(f"!{len(data) // 2}H", data))


def checksum(total: int) -> int:
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def link_header(device: str, to: str, kind: int) -> bytes:
    with open(f"/sys/class/net/{device}/address", encoding="ascii") as address:
        own = address.read().strip()
    return bytes.fromhex((to + own).replace(":", "")) + struct.pack("!H", kind)


def frames(device: str, mac: str, to: str, port: int):
    """Frames without end. It is one buffer each time: only source and checksums change."""
    target = ipaddress.ip_address(to)
    block = ipaddress.ip_network(SOURCES[target.version])
    first = block.network_address.packed
    tcp = struct.pack("!HHIIBBHHHBBH", 0, port, 1, 0, HEADER_BYTES // 4 << 4, SYN, 64240, 0, 0, 2, 4, MSS)
    if target.version == 4:
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + HEADER_BYTES, 0, 0x4000, 64, TCP_PROTOCOL, 0, first, target.packed)
        frame, source_at = bytearray(link_header(device, mac, 0x0800) + ip + tcp), 14 + 12
    else:
        ip = struct.pack("!IHBB16s16s", 6 << 28, HEADER_BYTES, TCP_PROTOCOL, 64, first, target.packed)
        frame, source_at = bytearray(link_header(device, mac, 0x86DD) + ip + tcp), 14 + 8 + 12
    tcp_at = 14 + len(ip)
    # The source's last 32 bits are added to both sums with each frame.
    base = int.from_bytes(first[-4:], "big")
    ip_sum = words(ip) - words(first[-4:])
    tcp_sum = words(tcp) + words(first[:-4]) + words(target.packed) + TCP_PROTOCOL + HEADER_BYTES
    for number in itertools.count():
        source = base + number % block.num_addresses
        source_port = PORTS_FROM + number // block.num_addresses
        source_words = (source >> 16) + (source & 0xFFFF)
        struct.pack_into("!I", frame, source_at, source)
        struct.pack_into("!H", frame, tcp_at, source_port)
        struct.pack_into("!H", frame, tcp_at + 16, checksum(tcp_sum + source_words + source_port))
        if target.version == 4:
            struct.pack_into("!H", frame, 14 + 10, checksum(ip_sum + source_words))
        yield frame


def flood(device: str, mac: str, to: str, port: int, per_second: int, seconds: float) -> dict:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((device, 0))
        made = frames(device, mac, to, port)
        sent, refused, began = 0, 0, time.monotonic()
        while (now := time.monotonic()) < began + seconds:
            due = min(int((now - began) * per_second) - sent - refused, per_second // BATCHES_PER_SECOND)
            for frame in itertools.islice(made, max(due, 0)):
                try:
                    sock.send(frame)
                    sent += 1
                except OSError as error:
                    if error.errno != errno.ENOBUFS:
                        raise
                    refused += 1
            if due <= 0:
                time.sleep(1 / BATCHES_PER_SECOND)
        return {"sent": sent, "refused": refused, "seconds": round(time.monotonic() - began, 3)}


def main(device: str, mac: str, to: str, port: str, per_second: str, seconds: str) -> None:
    print(json.dumps({"event": "up"}), flush=True)
    sys.stdin.readline()
    print(json.dumps({"event": "did", **flood(device, mac, to, int(port), int(per_second), float(seconds))}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
