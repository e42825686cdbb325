# SPDX-License-Identifier: Apache-2.0
"""A real nginx in the server's namespace that answers every request with the same 600 bytes."""

import re
import socket

from .children import Child
from .incidents import Incident
from .network import run

# Only what the lab needs. Nothing is written but the pid and the error log, into the lab's own directory.
NGINX_CONF = """daemon off;
worker_processes 1;
user www-data;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  keepalive_timeout {seconds_ms}ms;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  default_type application/json;
  server {{
    listen {listen};
    location / {{ return 200 '{{"quote":"{filler}"}}'; }}
  }}
  server {{
    listen unix:{directory}/status.sock;
    location / {{ stub_status; }}
  }}
}}
"""


def start_nginx(incident: Incident, port: int, keepalive_s: float) -> Child:
    """nginx that listens, and closes a kept connection that was idle for `keepalive_s`."""
    directory, address = incident.network.directory, incident.network.server_address
    listen = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    with open(f"{directory}/nginx.conf", "w", encoding="utf-8") as conf:
        conf.write(NGINX_CONF.format(directory=directory, seconds_ms=int(keepalive_s * 1000), listen=listen, filler="7" * 600))
    server = incident.in_server("nginx", "nginx", "-e", f"{directory}/nginx.log", "-c", f"{directory}/nginx.conf")
    incident.children.wait_for("nginx to listen", lambda: bool(run(*incident.network.inside(
        incident.network.server, "ss", "-Hltn", "sport", "=", f":{port}"))), 20, poll_s=0.02)
    return server


def nginx_counts(incident: Incident) -> tuple[int, int]:
    """What nginx itself counted: connections that it accepted, and requests. These questions come over a Unix socket, and do not count."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(30)
        sock.connect(f"{incident.network.directory}/status.sock")
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        text = b""
        while chunk := sock.recv(4096):
            text += chunk
    accepted, requests = map(int, re.search(rb"requests\s+(\d+) \d+ (\d+)", text).groups())
    incident.asked = getattr(incident, "asked", 0) + 1
    return accepted - incident.asked, requests - incident.asked
