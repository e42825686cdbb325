#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A web application that calls an API, or does not: with a thread for each connection, or with one event loop for all.

calls_api.py threads|loop ADDRESS PORT API_ADDRESS API_PORT

It prints {"event":"up"} when it listens, and a line for each call. Requests (threads: POST as well):

    GET /call?gap_ms=N&think_ms=N&keep=1   waits gap_ms, asks the API for something that takes it think_ms; `keep`: on the
                                           connection that this thread has from its last call (threads only)
    GET /wait?wait_ms=N                    waits and answers, without any call

The answer is one JSON object; gap_s, also in the line, is what the application itself measured from having the request to its
call.
"""

import asyncio
import http.client
import http.server
import json
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit


class Query:
    def __init__(self, path: str):
        split = urlsplit(path)
        self.path = split.path
        self._values = {name: values[0] for name, values in parse_qs(split.query).items()}

    def seconds(self, name: str) -> float:
        return float(self._values.get(name, "0")) / 1000

    @property
    def keep(self) -> bool:
        return "keep" in self._values

    @property
    def api_path(self) -> str:
        return f"/ok?think_ms={self._values.get('think_ms', '5')}"


_print_lock = threading.Lock()


def say(event: str, **more) -> None:
    with _print_lock:
        print(json.dumps({"event": event, **more}), flush=True)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], api: tuple[str, int]):
        super().__init__(address, Handler)
        self.api = api
        self.local = threading.local()

    def call_api(self, query: Query) -> None:
        connection = getattr(self.local, "connection", None) if query.keep else None
        connection = connection or http.client.HTTPConnection(*self.api, timeout=60)
        connection.request("GET", query.api_path)
        connection.getresponse().read()
        if query.keep:
            self.local.connection = connection
        else:
            connection.close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        started = time.monotonic()
        query = Query(self.path)
        if query.path == "/wait":
            time.sleep(query.seconds("wait_ms"))
            answer = {}
        else:
            time.sleep(query.seconds("gap_ms"))
            answer = {"gap_s": time.monotonic() - started}
            self.server.call_api(query)
            say("call", **answer)
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_) -> None:
        """Nothing."""


async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, api: tuple[str, int]) -> None:
    while head := await reader.readuntil(b"\r\n\r\n"):
        started = time.monotonic()
        query = Query(head.split(b" ")[1].decode())
        await asyncio.sleep(query.seconds("wait_ms") if query.path == "/wait" else query.seconds("gap_ms"))
        answer = {}
        if query.path != "/wait":
            answer["gap_s"] = time.monotonic() - started
            api_reader, api_writer = await asyncio.open_connection(*api)
            api_writer.write(f"GET {query.api_path} HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n".encode())
            await api_reader.read()
            api_writer.close()
            say("call", **answer)
        body = json.dumps(answer).encode()
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()


async def serve_by_loop(address: tuple[str, int], api: tuple[str, int]) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve_connection(reader, writer, api)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # The user has gone.
        finally:
            writer.close()

    async with await asyncio.start_server(connected, *address, backlog=128) as server:
        say("up")
        await server.serve_forever()


def main() -> None:
    kind, address, port, api_address, api_port = sys.argv[1:]
    own, api = (address, int(port)), (api_address, int(api_port))
    if kind == "loop":
        asyncio.run(serve_by_loop(own, api))
    else:
        server = Server(own, api)
        say("up")
        server.serve_forever()


if __name__ == "__main__":
    main()
