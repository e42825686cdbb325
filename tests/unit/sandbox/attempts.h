// SPDX-License-Identifier: Apache-2.0
// What somebody would try who has taken over the process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "util/fd.h"

namespace tcpdiag::test {

struct Attempt {
  std::string name;
  std::function<int()> make;  // 0: it worked, or would have with a better argument; otherwise errno
};

// Made ready while everything is still allowed, so that only being confined makes the attempts fail.
class Targets {
 public:
  // `directory`: for files that are no business of the confined program; `uid`: whose the other process is.
  Targets(std::string directory, uid_t uid);

  // All of them, each with a target that is there: run by somebody who is not confined, each works. Those that would
  // change who runs them come last.
  std::vector<Attempt> attempts() const;
  int directory() const { return directory_fd_.get(); }

 private:
  void start_process(uid_t uid);
  void open_sockets();
  std::string path(const char* name) const { return directory_ + "/" + name; }

  void add_files(std::vector<Attempt>& all) const;
  void add_network(std::vector<Attempt>& all) const;
  void add_processes(std::vector<Attempt>& all) const;
  void add_kernel(std::vector<Attempt>& all) const;
  void add_privileges(std::vector<Attempt>& all) const;

  std::string directory_;
  Fd directory_fd_;
  Fd process_ends_;  // that process lives until this is closed
  pid_t process_ = 0;
  Fd tcp_listener_;
  Fd udp_receiver_;
  Fd unix_listener_;
  Fd tcp_socket_;
  Fd udp_socket_;
  std::uint16_t tcp_port_ = 0;
  std::uint16_t udp_port_ = 0;
};

}  // namespace tcpdiag::test
