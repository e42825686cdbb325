#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# lab.sh OUT: lets tcpdiag trace two network namespaces while known amounts of traffic go between them, and leaves in the
# folder OUT everything that verify.py judges. Its status is only about the course of events: 0, or the number of fail().
#
#   client 10.9.0.1 (namespace c)  --veth--  server 10.9.0.2 (namespace s): 7001 serves, 7002 refuses, 7003 is silent
#
# Four parts, each with traces of its own:
#   known    every outcome of a connect, exchanges and resets; both ends are traced, the client's into a recording
#   losses   retransmissions of every kind, made by the packet filter; both ends are traced
#   owners   three processes; a trace by name, one by number, one by cgroup
#   names    a query for a name, sent twice, that nobody answers

# shellcheck disable=SC2317 # called by name, through wait_until

set -u
out=$1
opt=${0%/*}
tcpdiag=$opt/tcpdiag
[ -x "$tcpdiag" ] || tcpdiag=$(type -P tcpdiag)
server=10.9.0.2
declare -A tracers=()

cgroup=$(while read -r _ mounted type _; do
  [[ $type != cgroup2 ]] || { echo "$mounted" && break; }
done </proc/mounts)/tcpdiag-lab
tidy_up() {
  {
    for job in $(jobs -p); do kill -KILL "$job"; done
    wait
    rmdir "$cgroup/later" "$cgroup" "$cgroup-other" # the guest, which ends with this, has no such program
  } 2>/dev/null
}
trap tidy_up EXIT

fail() {
  echo "lab: $2" >&2
  echo "$2" >"$out/failure"
  for log in "$out"/*.err; do
    [ -s "$log" ] || continue
    echo "--- ${log##*/}:" >&2
    tail -n 20 "$log" >&2
  done
  exit "$1"
}

# wait_until STATUS WHAT SECONDS COMMAND...
wait_until() {
  local status=$1 what=$2 left=$(($3 * 10))
  shift 3
  until "$@"; do
    ((left-- > 0)) || fail "$status" "$what"
    sleep 0.1
  done
}

# Not for the background: there it would be a shell of its own.
in_c() { ip netns exec c "$@"; }
in_s() { ip netns exec s "$@"; }

# start_trace NAME OPTION...
start_trace() {
  local name=$1
  shift
  # bash starts background commands with SIGINT ignored; env gives it back its default.
  env --default-signal=INT "$tcpdiag" trace "$@" --format json -o "$out/$name.json" \
    >"$out/$name.out" 2>"$out/$name.err" &
  tracers[$name]=$!
  wait_until 15 "the trace $name did not begin within 60 s" 60 begun "$name"
}

begun() {
  grep -q '^tracing ' "$out/$1.err" && return
  kill -0 "${tracers[$1]}" 2>/dev/null && return 1
  wait "${tracers[$1]}"
  fail 16 "the trace $1 ended with $? before it began"
}

end_traces() {
  local name
  for name in "${!tracers[@]}"; do
    kill -INT "${tracers[$name]}" || fail 17 "the trace $name was gone before its time"
  done
  for name in "${!tracers[@]}"; do
    wait_until 18 "the trace $name did not end within 30 s of SIGINT" 30 gone "${tracers[$name]}"
    wait "${tracers[$name]}" || fail 19 "the trace $name ended with $? after SIGINT"
  done
  tracers=()
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# quiet NAMESPACE...: no socket is left there but listening ones (0A) and those in TIME_WAIT (06)
quiet() {
  local name fields table
  for name in "$@"; do
    table=$(ip netns exec "$name" cat /proc/net/tcp)
    while read -ra fields; do
      [[ ${fields[3]} == 0A || ${fields[3]} == 06 || ${fields[3]} == st ]] || return 1
    done <<<"$table"
  done
}

# counters NAME: both namespaces' own, as they are now
counters() {
  local name
  for name in c s; do ip netns exec "$name" cat /proc/net/netstat /proc/net/snmp >"$out/$1.$name.counters"; done
}

# traffic NAME ARGUMENT...: the client's part, and its truth
traffic() {
  local name=$1
  shift
  in_c "$opt/traffic" "$@" >"$out/$name.truth.json" 2>"$out/$name.traffic.err" || fail 20 "the traffic of $name went wrong"
  wait_until 21 "connections of $name were left open" 60 quiet c s
}

build_lab() {
  local name
  for name in c s; do ip netns add "$name" || fail 12 "ip netns add"; done
  ip link add vc netns c type veth peer name vs netns s || fail 12 "ip link add type veth"
  # Whole segments, not bundles of them, are to be lost.
  ip -n c link set vc gso_max_segs 1 || fail 12 "gso_max_segs"
  ip -n s link set vs gso_max_segs 1 || fail 12 "gso_max_segs"
  ip -n c addr add 10.9.0.1/24 dev vc
  ip -n s addr add $server/24 dev vs
  for name in c s; do ip -n "$name" link set lo up; done
  ip -n c link set vc up
  ip -n s link set vs up
  # Ports: see traffic.cpp. `numgen inc` counts the segments that come so far.
  in_s nft -f - <<'END' || fail 12 "nft"
table inet lab {
  chain in {
    type filter hook input priority 0;
    tcp dport 7003 drop
    udp dport 53 drop
    tcp sport 20001 ip length > 1000 numgen inc mod 1000000 == 25 drop
    tcp sport 20002 ip length 152 numgen inc mod 1000000 < 3 drop
    tcp sport 20004 tcp flags & (syn | ack) == syn numgen inc mod 1000000 == 0 drop
    tcp sport 20006-20013 numgen random mod 100 < 5 drop
  }
}
END
  in_c nft -f - <<'END' || fail 12 "nft"
table inet lab {
  chain in {
    type filter hook input priority 0;
    tcp dport 20003 ip length 152 numgen inc mod 1000000 == 0 drop
    tcp dport 20005 tcp flags & (syn | ack) == syn | ack numgen inc mod 1000000 == 0 drop
    tcp dport 20006-20013 numgen random mod 100 < 5 drop
  }
}
END
  # A tail probe comes before a timeout: the client, which is to have timeouts, makes none.
  # shellcheck disable=SC2016 # nothing to expand
  in_c bash -c 'echo 0 >/proc/sys/net/ipv4/tcp_early_retrans' || fail 12 "tcp_early_retrans"
  ip netns exec s "$opt/traffic" serve $server 7001 >"$out/server.out" 2>"$out/server.err" &
  wait_until 13 "the server did not start" 10 grep -q listening "$out/server.out"
}

known() {
  start_trace client --netns /run/netns/c -w "$out/client.tcpdiag"
  start_trace server --netns /run/netns/s
  counters known.before
  traffic known run $server 7001 7002 7003
  counters known.after
  end_traces
  "$tcpdiag" report "$out/client.tcpdiag" --format json >"$out/client.again.json" 2>"$out/client.again.err" ||
    fail 22 "tcpdiag report ended with $?"
}

losses() {
  start_trace loss.client --netns /run/netns/c
  start_trace loss.server --netns /run/netns/s
  counters losses.before
  traffic losses lossy $server 7001
  counters losses.after
  end_traces
}

# Names, and how many connections each makes, one after the other: whatever a trace is to follow, other sockets get the
# addresses of its sockets in the kernel's memory later, the last time those of delta, which nobody asks for.
crowd=("gamma 11" "alpha 5" "beta 7" "delta 13")

# into_cgroup NEW_CGROUP PID
into_cgroup() {
  mkdir "$1" || fail 31 "mkdir $1"
  echo "$2" >"$1/cgroup.procs" || fail 31 "a process could not be moved into $1"
}

owners() {
  local member name count
  declare -A pids=()
  for member in "${crowd[@]}"; do
    read -r name count <<<"$member"
    ip netns exec c "$opt/traffic" crowd "$name" $server 7001 "$count" \
      >"$out/$name.truth.json" 2>"$out/$name.traffic.err" &
    pids[$name]=$!
    wait_until 30 "the process $name did not start" 10 grep -qx "$name" "/proc/${pids[$name]}/comm"
  done
  into_cgroup "$cgroup" "${pids[alpha]}"
  into_cgroup "$cgroup-other" "${pids[gamma]}"
  start_trace by-cgroup --netns /run/netns/c --cgroup "/${cgroup##*/}"
  start_trace by-pid -p "${pids[beta]}"
  start_trace by-comm --netns /run/netns/c --comm gamma
  # One that is made while it is traced.
  into_cgroup "$cgroup/later" "${pids[beta]}"
  for member in "${crowd[@]}"; do
    name=${member% *}
    kill -USR1 "${pids[$name]}"
    wait_until 32 "the process $name did not make its connections" 60 grep -q established "$out/$name.truth.json"
  done
  wait_until 33 "connections of the processes were left open" 60 quiet c s
  end_traces
  for name in "${!pids[@]}"; do kill -USR1 "${pids[$name]}"; done
  for name in "${!pids[@]}"; do wait "${pids[$name]}" || fail 34 "the process $name ended with $?"; done
}

names() {
  start_trace names --netns /run/netns/c --dns-names
  # One datagram each: no byte of it is a newline. It counts as unanswered once it is older than the time between the two.
  # shellcheck disable=SC2016 # $1 is the inner shell's
  in_c bash -c '
    exec 3>"/dev/udp/$1/53"
    for wait in 0.2 2; do
      printf "\0\7\1\0\0\1\0\0\0\0\0\0\3api\7EXAMPLE\3com\0\0\1\0\1" >&3
      sleep $wait
    done' bash $server || fail 40 "the query could not be sent"
  end_traces
}

build_lab
if [ -z "$tcpdiag" ]; then # the harness alone
  traffic known run $server 7001 7002 7003
  traffic losses lossy $server 7001
  exit 0
fi

# Loads everything, with every filter.
"$tcpdiag" doctor --format json >"$out/doctor.json" 2>"$out/doctor.err" || fail 23 "tcpdiag doctor ended with $?"
# Attaches, reports and ends.
"$tcpdiag" trace -d 0 --format json -o "$out/empty.json" 2>"$out/empty.err" || {
  status=$?
  # Once more, for what libbpf and the verifier say.
  TCPDIAG_DEBUG_BPF=1 "$tcpdiag" trace -d 0 --format json >"$out/debug.log" 2>&1
  fail 14 "tcpdiag trace -d 0 ended with $status; what libbpf says is in debug.log"
}
known
losses
owners
names
exit 0
