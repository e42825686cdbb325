/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel types that the programs read: only the members they use, in no particular order. The
 * offsets are those of the running kernel: every access is relocated at load time (CO-RE,
 * preserve_access_index). Members that not every supported kernel has are read in compat.bpf.h,
 * with bpf_core_field_exists.
 */
#ifndef TCPDIAG_LIB_KERNEL_TYPES_H
#define TCPDIAG_LIB_KERNEL_TYPES_H

#include "engine/types.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	unsigned long skc_flags;
};

typedef struct {
	int owned;
} socket_lock_t;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	u16 sk_protocol;
	u8 sk_shutdown;
	int sk_err;
	int sk_err_soft;
	unsigned long sk_lingertime;
	struct socket *sk_socket;
	struct socket_wq *sk_wq;
};

struct request_sock {
	struct sock_common __req_common;
};

struct tcp_request_sock {
	u64 snt_synack;
};

enum sock_flags { SOCK_KEEPOPEN = 3, SOCK_LINGER = 4 };

struct inet_connection_sock {
	__u8 icsk_ca_state : 5;
	__u8 icsk_pending;
	__u8 icsk_probes_out;
	struct {
		__u32 lrcvtime;
	} icsk_ack;
};

struct minmax_sample {
	u32 t;
	u32 v;
};

struct minmax {
	struct minmax_sample s[3];
};

struct tcp_rack {
	u32 rtt_us;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u32 rcv_nxt;
	u32 copied_seq;
	u32 snd_nxt;
	u32 snd_una;
	u32 write_seq;
	u32 srtt_us;
	u32 mss_cache;
	u32 lsndtime;
	u32 segs_in;
	u32 segs_out;
	u32 data_segs_out;
	u32 total_retrans;
	u32 dsack_dups;
	u32 rcv_ooopack;
	u32 chrono_start;
	u32 chrono_stat[3];
	u8 chrono_type : 2;
	u64 bytes_acked;
	u64 bytes_sent;
	u64 bytes_received;
	struct minmax rtt_min;
	struct tcp_rack rack;
	u8 nonagle : 4;
};

struct net_device {
	possible_net_t nd_net;
	char name[16];
};

struct sk_buff {
	struct sock *sk;
	struct net_device *dev;
	__be16 protocol;
	char cb[48];
	unsigned int len;
	unsigned int tail;
	unsigned int end;
	__u16 transport_header;
	__u16 network_header;
	unsigned char *head;
	unsigned char *data;
	u64 skb_mstamp_ns; /* union with tstamp */
};

struct skb_shared_info {
	unsigned short gso_segs;
};

/* Which clock tstamp is of. 5.18 to 6.10, and since 6.11 (compat.bpf.h). */
struct sk_buff___5_18 {
	__u8 mono_delivery_time : 1;
};

struct sk_buff___6_11 {
	__u8 tstamp_type : 2;
};

struct tcp_skb_cb {
	__u32 seq;
	__u32 end_seq;
	u16 tcp_gso_segs;
	u8 tcp_flags;
};

struct socket {
	struct sock *sk;
	struct file *file;
};

struct list_head {
	struct list_head *next;
};

struct wait_queue_entry {
	void *private;
	struct list_head entry;
};

struct wait_queue_head {
	struct list_head head;
};

struct socket_wq {
	struct wait_queue_head wait;
};

struct inode {
	unsigned short i_mode;
};

struct file {
	struct inode *f_inode;
	void *private_data;
};

struct upid {
	int nr;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct kernfs_node {
	u64 id;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
	unsigned int next_fd;
};

struct task_struct {
	unsigned int flags;
	struct files_struct *files;
	int pid;
	int tgid;
	u64 start_time;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct css_set *cgroups;
	char comm[16];
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

struct bpf_iter__bpf_sk_storage_map {
	struct sock *sk;
	void *value;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct file *file;
};

#pragma clang attribute pop

/* include/net/tcp_states.h: part of the user ABI */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
	TCP_NEW_SYN_RECV,
};

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86DD
#define SEND_SHUTDOWN 2
#define PF_EXITING 0x00000004
#define S_IFMT 00170000
#define S_IFSOCK 0140000

#endif
