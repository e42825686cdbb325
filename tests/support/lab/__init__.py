# SPDX-License-Identifier: Apache-2.0
"""Incidents on one machine: two network namespaces, real servers and clients, and what really happened, measured at both ends.

    cli.py        command line, signals, exit codes
    network.py    namespaces, addresses, firewall rules, and cleaning up after a lab that was killed
    children.py   processes in a namespace that talk JSON lines
    facts.py      the facts that a test or the demo waits for, and the gates
    incidents.py  what all incidents share, and the table of them
    http_incidents.py, socket_incidents.py   the incidents themselves
    api_server.py, api_client.rb, raw_client.py   what runs inside the namespaces
"""
