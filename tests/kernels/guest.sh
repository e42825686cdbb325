#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Process 1 of the virtual machine. Mounts what a Debian system has mounted, lets tcpdiag trace one network namespace
# while a known amount of traffic goes through it, and leaves everything on the second disk for the host to judge. Its
# status is only about the course of events: counts are checked outside (verify.py).
#
#   client 10.9.0.1 (namespace c, traced)  --veth--  server 10.9.0.2 (namespace s): 7001 serves, 7002 refuses, 7003 is silent

set -u
export PATH=/usr/bin HOME=/root LC_ALL=C

out=/mnt

finish() {
  {
    for job in $(jobs -p); do kill -KILL "$job"; done
    wait
  } 2>/dev/null
  if ! umount "$out"; then # something still writes there: the emergency remount flushes all the same
    echo u >/proc/sysrq-trigger
    sleep 1
  fi
  /opt/exit_qemu "$1"
  exit 1
}

fail() {
  echo "guest: $2" >&2
  echo "$2" >"$out/failure"
  for log in "$out"/*.err; do
    [ -s "$log" ] || continue
    echo "--- ${log##*/}:" >&2
    tail -n 20 "$log" >&2
  done
  finish "$1"
}

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mount -t tracefs tracefs /sys/kernel/tracing
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
scratch=/dev/nvme1n1 # the disk without a partition; which is first is chance
[ -e /dev/nvme1n1p1 ] && scratch=/dev/nvme0n1
mount -t ext4 "$scratch" "$out" || finish 10

uname -r >"$out/release"
ip link set lo up || fail 11 "ip link set lo up"

# The lab.
for name in c s; do ip netns add "$name" || fail 12 "ip netns add"; done
ip link add vc netns c type veth peer name vs netns s || fail 12 "ip link add type veth"
ip -n c addr add 10.9.0.1/24 dev vc
ip -n s addr add 10.9.0.2/24 dev vs
for name in c s; do ip -n "$name" link set lo up; done
ip -n c link set vc up
ip -n s link set vs up
ip netns exec s nft -f - <<'END' || fail 12 "nft"
table inet lab {
  chain in {
    type filter hook input priority 0;
    tcp dport 7003 drop
  }
}
END
ip netns exec s /opt/traffic serve 10.9.0.2 7001 >/tmp/server.out 2>"$out/server.err" &
for _ in {1..100}; do
  grep -q listening /tmp/server.out && break
  sleep 0.1
done
grep -q listening /tmp/server.out || fail 13 "the server did not start"

if [ ! -x /opt/tcpdiag ]; then # the harness alone
  ip netns exec c /opt/traffic run 10.9.0.2 7001 7002 7003 >"$out/truth.json" 2>"$out/traffic.err" ||
    fail 20 "the traffic went wrong"
  finish 0
fi

/opt/tcpdiag doctor --format json >"$out/doctor.json" 2>"$out/doctor.err"
echo $? >"$out/doctor.rc"

# Attaches, reports and ends.
/opt/tcpdiag trace -d 0 --format json -o "$out/empty.json" 2>"$out/empty.err" || {
  status=$?
  # Once more, for what libbpf and the verifier say.
  TCPDIAG_DEBUG_BPF=1 /opt/tcpdiag trace -d 0 --format json -o /tmp/again.json >"$out/debug.log" 2>&1
  fail 14 "tcpdiag trace -d 0 ended with $status; what libbpf says is in debug.log"
}

# bash starts background commands with SIGINT ignored; env gives it back its default.
env --default-signal=INT /opt/tcpdiag trace --netns /run/netns/c --format json -o "$out/report.json" \
  >"$out/tcpdiag.out" 2>"$out/tcpdiag.err" &
tracer=$!
for _ in {1..600}; do
  grep -q '^tracing ' "$out/tcpdiag.err" && break
  kill -0 "$tracer" 2>/dev/null || break
  sleep 0.1
done
if ! grep -q '^tracing ' "$out/tcpdiag.err"; then
  kill -0 "$tracer" 2>/dev/null && fail 15 "tcpdiag did not say that it traces within 60 s"
  wait "$tracer"
  fail 16 "tcpdiag ended with $? before it traced"
fi

ip netns exec c /opt/traffic run 10.9.0.2 7001 7002 7003 >"$out/truth.json" 2>"$out/traffic.err" ||
  fail 20 "the traffic went wrong"
for _ in {1..100}; do # until the client's last connection is over: only TIME_WAIT (06) is left
  # shellcheck disable=SC2016 # awk's words
  ip netns exec c awk 'FNR > 1 && $4 != "06" { left = 1 } END { exit left }' /proc/net/tcp && break
  sleep 0.1
done
ip netns exec c cat /proc/net/netstat /proc/net/snmp >"$out/counters"
kill -INT "$tracer" || fail 17 "tcpdiag was gone before its time"
for _ in {1..300}; do
  kill -0 "$tracer" 2>/dev/null || break
  sleep 0.1
done
kill -0 "$tracer" 2>/dev/null && fail 18 "tcpdiag did not end within 30 s of SIGINT"
wait "$tracer" || fail 19 "tcpdiag ended with $? after SIGINT"
finish 0
