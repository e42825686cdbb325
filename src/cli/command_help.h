// SPDX-License-Identifier: Apache-2.0
// What --help says below the options.
#pragma once

namespace tcpdiag::cli {

inline constexpr const char* kHelpFooter = R"(Examples:
  sudo tcpdiag trace                    all TCP sockets here, until Ctrl-C
  sudo tcpdiag trace -D 443 -d 5m       connections to port 443, five minutes
  sudo tcpdiag trace -w incident.tcpdiag      keeps the evidence
  tcpdiag report incident.tcpdiag --format html -o incident.html
  tcpdiag diff good.tcpdiag bad.tcpdiag       what differs between two runs
  tcpdiag size --instance t4g.micro --response 32KiB    what a node carries
  sudo tcpdiag doctor                         can this kernel and user trace
  tcpdiag trace --help                  all options of trace

Exit codes:
  0  done                                  3  not permitted, or the kernel is
  1  failed while running                     not able; the message has a hint
  2  wrong use; nothing was started        4  a finding reached --fail-on)";

inline constexpr const char* kTraceFooter =
    R"(An option repeated, or a list with commas, means any of them; different options
must all hold, and so must the EXPRESSION, in the words of tcpdump: [src|dst]
host ADDR, net ADDR/LEN, port N, portrange N-M, with and, or, not, ( ). There
src is this host and dst the other side.

The report goes to standard output or -o, progress to standard error. Nothing
leaves this machine, but for the question that --imds asks and the connections
that --probe makes.

Examples:
  sudo tcpdiag trace                             everything here, until Ctrl-C
  sudo tcpdiag trace -D 6379 -d 30s              calls to Redis, half a minute
  sudo tcpdiag trace -D 6379 -d 30s --probe      is it the path or the server?
  sudo tcpdiag trace -p 811,812 -A 203.0.113.0/24
  sudo tcpdiag trace --role inbound -L 80,443    what this host serves
  sudo tcpdiag trace not port 22                 all but your own ssh session
  sudo tcpdiag trace 'dst port 443 and not (host 10.0.0.1 or net 10.1.0.0/16)'
  sudo tcpdiag trace --comm redis-server         whatever its process number
  sudo tcpdiag trace --cgroup /system.slice/puma.service
  sudo tcpdiag trace --netns blue --format json -o report.json
  sudo tcpdiag trace -w incident.tcpdiag         report it again as often as
                                                 needed: tcpdiag report
  sudo tcpdiag trace -d 5m --redact --format md -o ticket.md
  sudo tcpdiag trace --dns-names -d 5m           which names are slow or get no
                                                 answer
  sudo tcpdiag trace -D 6379 --peer-instance cache.t4g.micro
  sudo tcpdiag trace -d 1h --fail-on critical    exits 4 if there is a cause

Exit codes: 0 done, 1 failed while running, 2 wrong use, 3 not permitted or
kernel not able, 4 a finding at or above --fail-on)";

inline constexpr const char* kSizeFooter =
    R"(Without a baseline the answer is the smallest instance types that carry --rate.
Rates are bits (64mbit, 64Mbit/s, 0.064gbit) or bytes (8MB/s, 8MiB/s), sizes
32KiB or 32768. FILE is a recording or a JSON report of 'tcpdiag trace', -
standard input (a report); sizes, rate and clients come from there, unless an
option says another.

Examples:
  tcpdiag size --baseline 64mbit --response 32KiB --rate 300
  tcpdiag size --instance cache.t4g.micro --response 32KiB --clients 50
  tcpdiag size --response 8KiB --request 2KiB --rate 2000
  sudo tcpdiag trace -D 6379 -d 1m --format json | tcpdiag size -
  tcpdiag size report.json --endpoint 10.0.0.1:6379 --instance cache.t4g.micro

Exit codes: 0 done, whatever the answer; 1 failed while running, 2 wrong use)";

inline constexpr const char* kReportFooter =
    R"(FILE is a recording that 'tcpdiag trace -w FILE' has made, - standard input.
Without further options the report is the one that the trace gave. Filters and
times narrow it; an EXPRESSION follows the file. Delays and bytes are summed up
by endpoint: where a filter leaves out some of an endpoint's sockets they are
not known, and the report says so.

Examples:
  tcpdiag report incident.tcpdiag
  tcpdiag report incident.tcpdiag --format html -o incident.html
  tcpdiag report incident.tcpdiag -D 6379 --from 02:33:00 --to 02:35:00
  tcpdiag report incident.tcpdiag --from +90s 'host 10.0.0.1'
  tcpdiag report incident.tcpdiag --redact -w to-share.tcpdiag -o to-share.txt
  ssh web1 cat incident.tcpdiag | tcpdiag report - --format md

Exit codes: 0 done, 1 the file cannot be read or is damaged, 2 wrong use, 4 a
finding at or above --fail-on)";

inline constexpr const char* kDiffFooter =
    R"(GOOD and BAD are recordings that 'tcpdiag trace -w FILE' has made. With one
alone, what failed in it is compared with what did not. What is small enough to
be chance is no difference.

Examples:
  tcpdiag diff yesterday.tcpdiag incident.tcpdiag
  tcpdiag diff incident.tcpdiag
  tcpdiag diff before.tcpdiag after.tcpdiag --format json -o diff.json

Exit codes: 0 done, whatever the answer; 1 a file cannot be read or is damaged,
2 wrong use)";

inline constexpr const char* kDoctorFooter =
    R"(It loads the kernel programs to see that the kernel takes them, and attaches
none. Without root it says what it could not find out.

Examples:
  sudo tcpdiag doctor
  sudo tcpdiag doctor --format json | jq -r '.rows[] | select(.answer=="no")'

Exit codes: 0 can trace, maybe degraded; 1 failed, 2 wrong use, 3 cannot trace)";

}  // namespace tcpdiag::cli
