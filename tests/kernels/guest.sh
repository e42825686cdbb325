#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Process 1 of the virtual machine: mounts what a Debian system has mounted, runs lab.sh, and ends the machine with its
# status. What lab.sh leaves is on the second disk.

set -u
export PATH=/usr/bin:/usr/sbin HOME=/root LC_ALL=C

out=/mnt

finish() {
  if ! umount "$out"; then # something still writes there: the emergency remount flushes all the same
    echo u >/proc/sysrq-trigger
    sleep 1
  fi
  /opt/exit_qemu "$1"
  exit 1
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
ip link set lo up || finish 11
/opt/lab.sh "$out"
finish $?
