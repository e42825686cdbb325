# SPDX-License-Identifier: Apache-2.0
"""Incidents on one machine: two network namespaces, real servers and clients, and what really happened, measured at both ends.

    cli.py        command line, signals, exit codes
    network.py    namespaces, addresses, firewall rules, and cleaning up after a lab that was killed
    delayed.py    a network with a round trip: a third namespace between the two, with tests/support/delay_box.cpp in it
    children.py   processes in a namespace that talk JSON lines
    facts.py      the facts that a test or the demo waits for, and the gates
    incidents.py  what all incidents share, and the table of them
    http_incidents.py, socket_incidents.py, redis_incidents.py, stream_incidents.py,
        measure_incidents.py, storm_incidents.py, healthy_incidents.py, path_incidents.py, host_incidents.py,
        exchange_incidents.py   the incidents themselves
    api_server.py, api_client.rb, raw_client.py, slow_redis.py, redis_client.py, stream_peer.py, segments.py,
        calls_api.py, syn_flood.py   what runs inside the namespaces
    resp.py       Redis's protocol, for these and the lab itself
"""
