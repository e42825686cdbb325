// SPDX-License-Identifier: Apache-2.0
#include "unit/sandbox/attempts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <utility>

namespace tcpdiag::test {
namespace {

int outcome(long answer) { return answer < 0 ? errno : 0; }

// These errors come from looking at the arguments: the call itself was let through.
int outcome_but(long answer, std::initializer_list<int> let_through) {
  const int error = outcome(answer);
  for (const int one : let_through) {
    if (error == one) return 0;
  }
  return error;
}

int opening(const std::string& path, int flags, mode_t mode = 0) {
  const Fd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  return fd ? 0 : errno;
}

int opening_at(int directory, const char* path, int flags) {
  const Fd fd(::openat(directory, path, flags | O_CLOEXEC, 0600));
  return fd ? 0 : errno;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return to;
}

template <typename Address>
const sockaddr* generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);  // NOLINT(*-reinterpret-cast): as the interface wants it
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

std::uint16_t port_of(const Fd& socket) {
  sockaddr_in own{};
  socklen_t size = sizeof own;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &size);  // NOLINT(*-reinterpret-cast)
  return ntohs(own.sin_port);
}

template <typename Address>
int connecting(int family, int type, const Address& to) {
  const Fd fd(::socket(family, type | SOCK_CLOEXEC, 0));
  return fd ? outcome(::connect(fd.get(), generic(to), sizeof to)) : errno;
}

int making_a_socket(int family, int type, int protocol) {
  const Fd fd(::socket(family, type | SOCK_CLOEXEC, protocol));
  return fd ? 0 : errno;
}

long bpf(int command, bpf_attr& attributes) { return ::syscall(SYS_bpf, command, &attributes, sizeof attributes); }

int loading_a_program() {
  std::array<bpf_insn, 2> instructions{
      {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
       {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}}};
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attributes.insn_cnt = instructions.size();
  attributes.insns = reinterpret_cast<std::uintptr_t>(instructions.data());  // NOLINT(*-reinterpret-cast)
  attributes.license = reinterpret_cast<std::uintptr_t>("GPL");              // NOLINT(*-reinterpret-cast)
  const Fd fd(static_cast<int>(bpf(BPF_PROG_LOAD, attributes)));
  return fd ? 0 : errno;
}

int making_a_map() {
  bpf_attr attributes{};
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = 4;
  attributes.value_size = 8;
  attributes.max_entries = 1;
  const Fd fd(static_cast<int>(bpf(BPF_MAP_CREATE, attributes)));
  return fd ? 0 : errno;
}

int opening_the_counters_of_the_cpu() {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_CPU_CLOCK;
  const Fd fd(static_cast<int>(::syscall(SYS_perf_event_open, &attributes, -1, 0, -1, 0UL)));
  return fd ? 0 : errno;
}

int forking() {
  const pid_t child = ::fork();
  if (child < 0) return errno;
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return 0;
}

// Of a process that ends at once, so that the one that asks does not change.
int in_a_child(const std::function<long()>& work) {
  const pid_t child = ::fork();
  if (child < 0) return outcome(work());
  if (child == 0) ::_exit(outcome(work()));
  int status = 0;
  ::waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

int making_memory_executable() {
  constexpr std::size_t kPage = 4096;
  void* memory = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return errno;
  const int error = outcome(::mprotect(memory, kPage, PROT_READ | PROT_EXEC));
  ::munmap(memory, kPage);
  return error;
}

int mapping_executable_memory() {
  constexpr std::size_t kPage = 4096;
  void* memory = ::mmap(nullptr, kPage, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return errno;
  ::munmap(memory, kPage);
  return 0;
}

int reading_memory_of(pid_t process) {
  // An address that is mapped in a child too.
  static std::array<char, 8> there{};
  std::array<char, 8> here{};
  iovec local{.iov_base = here.data(), .iov_len = here.size()};
  iovec remote{.iov_base = there.data(), .iov_len = there.size()};
  return outcome(::process_vm_readv(process, &local, 1, &remote, 1, 0));
}

int tracing(pid_t process) {
  const int error = outcome(::ptrace(PTRACE_SEIZE, process, nullptr, nullptr));
  if (error == 0) {
    ::ptrace(PTRACE_INTERRUPT, process, nullptr, nullptr);
    ::waitpid(process, nullptr, __WALL);
    ::ptrace(PTRACE_DETACH, process, nullptr, nullptr);
  }
  return error;
}

int taking_a_descriptor_of(pid_t process) {
  const Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, process, 0U)));
  if (!handle) return errno;
  const Fd fd(static_cast<int>(::syscall(SYS_pidfd_getfd, handle.get(), STDOUT_FILENO, 0U)));
  return fd ? 0 : errno;
}

int raising_a_capability() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> sets{};
  sets[0].effective = sets[0].permitted = 1U << CAP_NET_RAW;
  return outcome(::syscall(SYS_capset, &header, sets.data()));
}

}  // namespace

Targets::Targets(std::string directory, uid_t uid)
    : directory_(std::move(directory)), directory_fd_(::open(directory_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
  std::ofstream(path("there")) << "precious";
  ::chmod(path("there").c_str(), 0666);
  start_process(uid);
  open_sockets();
}

void Targets::start_process(uid_t uid) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return;
  Fd waits(pipe[0]);
  process_ends_ = Fd(pipe[1]);
  process_ = ::fork();
  if (process_ != 0) return;
  process_ends_.reset();
  if (::geteuid() == 0 && ::setresuid(uid, uid, uid) != 0) ::_exit(1);
  ::prctl(PR_SET_DUMPABLE, 1);
  std::signal(SIGUSR1, SIG_IGN);
  char none = 0;
  while (::read(waits.get(), &none, 1) < 0) {
  }
  ::_exit(0);
}

void Targets::open_sockets() {
  const sockaddr_in any_port = loopback(0);
  tcp_listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::bind(tcp_listener_.get(), generic(any_port), sizeof any_port);
  ::listen(tcp_listener_.get(), 8);
  tcp_port_ = port_of(tcp_listener_);
  udp_receiver_ = Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ::bind(udp_receiver_.get(), generic(any_port), sizeof any_port);
  udp_port_ = port_of(udp_receiver_);
  const sockaddr_un name = unix_address(path("socket"));
  unix_listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::bind(unix_listener_.get(), generic(name), sizeof name);
  ::chmod(path("socket").c_str(), 0666);
  ::listen(unix_listener_.get(), 8);
  tcp_socket_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  udp_socket_ = Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

void Targets::add_files(std::vector<Attempt>& all) const {
  const std::string there = path("there");
  const int in = directory();
  all.push_back({"read_a_file", [there] { return opening(there, O_RDONLY); }});
  all.push_back({"read_a_file_by_its_directory", [in] { return opening_at(in, "there", O_RDONLY); }});
  all.push_back({"read_users", [] { return opening("/etc/passwd", O_RDONLY); }});
  all.push_back({"read_passwords", [] { return opening("/etc/shadow", O_RDONLY); }});
  all.push_back({"read_the_root_directory", [] { return opening("/", O_RDONLY | O_DIRECTORY); }});
  all.push_back({"read_through_proc", [] { return opening("/proc/self/root/etc/passwd", O_RDONLY); }});
  all.push_back({"read_a_working_directory", [] { return opening("/proc/self/cwd", O_RDONLY | O_DIRECTORY); }});
  all.push_back({"write_own_memory", [] { return opening("/proc/self/mem", O_RDWR); }});
  all.push_back({"write_a_file", [there] { return opening(there, O_WRONLY); }});
  all.push_back({"append_to_a_file", [there] { return opening(there, O_WRONLY | O_APPEND); }});
  all.push_back({"empty_a_file", [there] { return outcome(::truncate(there.c_str(), 0)); }});
  all.push_back({"make_a_file", [made = path("made")] { return opening(made, O_WRONLY | O_CREAT, 0600); }});
  all.push_back({"make_a_file_by_its_directory", [in] { return opening_at(in, "made", O_WRONLY | O_CREAT); }});
  all.push_back({"make_a_nameless_file", [d = directory_] { return opening(d, O_TMPFILE | O_RDWR, 0600); }});
  all.push_back({"make_a_directory", [d = path("made_directory")] { return outcome(::mkdir(d.c_str(), 0700)); }});
  all.push_back({"make_a_link", [there, l = path("made_link")] { return outcome(::link(there.c_str(), l.c_str())); }});
  all.push_back({"make_a_symbolic_link", [l = path("made_symlink")] { return outcome(::symlink("/", l.c_str())); }});
  all.push_back({"make_a_pipe", [p = path("made_pipe")] { return outcome(::mkfifo(p.c_str(), 0600)); }});
  all.push_back({"change_the_mode", [there] { return outcome(::chmod(there.c_str(), 0666)); }});
  all.push_back({"change_the_owner", [there] { return outcome(::chown(there.c_str(), ::getuid(), ::getgid())); }});
  all.push_back({"rename_a_file", [there, n = path("renamed")] {
                   const int error = outcome(::rename(there.c_str(), n.c_str()));
                   if (error == 0) ::rename(n.c_str(), there.c_str());
                   return error;
                 }});
  all.push_back({"watch_a_directory", [d = directory_] {
                   const Fd fd(::open(d.c_str(), O_RDONLY | O_CLOEXEC));
                   return fd ? outcome(::fcntl(fd.get(), F_NOTIFY, DN_CREATE)) : errno;
                 }});
  all.push_back({"make_a_file_of_memory", [] {
                   const Fd fd(static_cast<int>(::syscall(SYS_memfd_create, "made", 0U)));
                   return fd ? 0 : errno;
                 }});
}

void Targets::add_network(std::vector<Attempt>& all) const {
  const sockaddr_in tcp = loopback(tcp_port_);
  const sockaddr_in udp = loopback(udp_port_);
  const sockaddr_in any = loopback(0);
  all.push_back({"connect_tcp", [tcp] { return connecting(AF_INET, SOCK_STREAM, tcp); }});
  all.push_back({"connect_udp", [udp] { return connecting(AF_INET, SOCK_DGRAM, udp); }});
  all.push_back(
      {"connect_unix", [name = unix_address(path("socket"))] { return connecting(AF_UNIX, SOCK_STREAM, name); }});
  all.push_back({"raw_socket", [] { return making_a_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }});
  all.push_back({"packet_socket", [] { return making_a_socket(AF_PACKET, SOCK_DGRAM, 0); }});
  all.push_back({"netlink_socket", [] { return making_a_socket(AF_NETLINK, SOCK_RAW, 0); }});
  all.push_back({"send_on_an_open_socket",
                 [fd = udp_socket_.get(), udp] { return outcome(::sendto(fd, "x", 1, 0, generic(udp), sizeof udp)); }});
  all.push_back({"send_a_message_on_an_open_socket", [fd = udp_socket_.get(), udp] {
                   sockaddr_in to = udp;
                   msghdr message{};
                   message.msg_name = &to;
                   message.msg_namelen = sizeof to;
                   return outcome(::sendmsg(fd, &message, 0));
                 }});
  all.push_back({"bind_an_open_socket", [fd = udp_socket_.get(), any] {
                   return outcome_but(::bind(fd, generic(any), sizeof any), {EINVAL});
                 }});
  all.push_back({"accept_on_an_open_socket", [fd = tcp_listener_.get()] {
                   const Fd taken(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
                   return outcome(taken.get());
                 }});
  all.push_back({"connect_an_open_socket",
                 [fd = tcp_socket_.get(), tcp] { return outcome(::connect(fd, generic(tcp), sizeof tcp)); }});
  all.push_back({"change_an_open_socket", [fd = udp_socket_.get()] {
                   const int on = 1;
                   return outcome(::setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on));
                 }});
}

void Targets::add_processes(std::vector<Attempt>& all) const {
  all.push_back({"start_a_process", forking});
  all.push_back({"start_a_program", [] {
                   return in_a_child([] {
                     std::array<char*, 1> none{nullptr};
                     return ::execve("/no/such/program", none.data(), none.data()) < 0 && errno == ENOENT ? 0L : -1L;
                   });
                 }});
  all.push_back({"signal_a_process", [this] { return outcome(::kill(process_, SIGUSR1)); }});
  all.push_back({"signal_a_thread", [this] { return outcome(::syscall(SYS_tgkill, process_, process_, SIGUSR1)); }});
  all.push_back({"trace_a_process", [this] { return tracing(process_); }});
  all.push_back({"read_memory_of_a_process", [this] { return reading_memory_of(process_); }});
  all.push_back({"take_a_descriptor_of_a_process", [this] { return taking_a_descriptor_of(process_); }});
  all.push_back(
      {"slow_a_process_down", [this] { return outcome(::setpriority(PRIO_PROCESS, static_cast<id_t>(process_), 1)); }});
  all.push_back({"signals_through_a_descriptor",
                 [fd = udp_socket_.get(), this] { return outcome(::fcntl(fd, F_SETOWN, process_)); }});
  all.push_back({"executable_memory", mapping_executable_memory});
  all.push_back({"memory_made_executable", making_memory_executable});
}

void Targets::add_kernel(std::vector<Attempt>& all) const {
  all.push_back({"load_a_bpf_program", loading_a_program});
  all.push_back({"make_a_bpf_map", making_a_map});
  all.push_back({"find_a_bpf_program", [] {
                   bpf_attr attributes{};
                   return outcome_but(bpf(BPF_PROG_GET_NEXT_ID, attributes), {ENOENT});
                 }});
  all.push_back({"find_a_bpf_map", [] {
                   bpf_attr attributes{};
                   return outcome_but(bpf(BPF_MAP_GET_NEXT_ID, attributes), {ENOENT});
                 }});
  all.push_back({"pin_a_bpf_map", [] {
                   bpf_attr attributes{};
                   attributes.bpf_fd = static_cast<std::uint32_t>(-1);
                   return outcome_but(bpf(BPF_OBJ_PIN, attributes), {EBADF, EINVAL, EFAULT});
                 }});
  all.push_back({"count_with_perf", opening_the_counters_of_the_cpu});
  // A request that no device has: that it is refused before the device is asked shows in the error.
  all.push_back({"ask_a_device", [fd = udp_socket_.get()] { return outcome_but(::ioctl(fd, 0xFFFF), {ENOTTY}); }});
  all.push_back({"type_into_a_terminal", [fd = udp_socket_.get()] {
                   char typed = 'x';
                   return outcome_but(::ioctl(fd, TIOCSTI, &typed), {ENOTTY});
                 }});
  all.push_back({"mount", [d = directory_] {
                   return in_a_child([d] {
                     if (::unshare(CLONE_NEWNS) != 0) return -1L;
                     return static_cast<long>(::mount("tcpdiag", d.c_str(), "tmpfs", 0, nullptr));
                   });
                 }});
}

void Targets::add_privileges(std::vector<Attempt>& all) const {
  all.push_back({"leave_its_namespace", [] { return in_a_child([] { return ::unshare(CLONE_NEWNET); }); }});
  all.push_back({"make_itself_a_user_namespace", [] { return in_a_child([] { return ::unshare(CLONE_NEWUSER); }); }});
  all.push_back({"change_its_root", [] { return in_a_child([] { return ::chroot("/"); }); }});
  all.push_back({"join_a_group", [] {
                   return in_a_child([] {
                     const gid_t group = 0;
                     return ::setgroups(1, &group);
                   });
                 }});
  all.push_back({"become_root", [] { return outcome(::syscall(SYS_setresuid, 0, 0, 0)); }});
  all.push_back({"become_group_root", [] { return outcome(::syscall(SYS_setresgid, 0, 0, 0)); }});
  all.push_back({"be_dumpable", [] { return outcome(::prctl(PR_SET_DUMPABLE, 1)); }});
  all.push_back({"raise_a_capability", raising_a_capability});
}

std::vector<Attempt> Targets::attempts() const {
  std::vector<Attempt> all;
  add_files(all);
  add_network(all);
  add_processes(all);
  add_kernel(all);
  add_privileges(all);
  return all;
}

}  // namespace tcpdiag::test
