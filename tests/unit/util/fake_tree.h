// SPDX-License-Identifier: Apache-2.0
// A directory of its own for a test, which goes with it.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace tcpdiag::test {

class FakeTree {
 public:
  FakeTree() {
    std::string name = (std::filesystem::temp_directory_path() / "tcpdiag-test-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
  }
  ~FakeTree() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  FakeTree(const FakeTree&) = delete;
  FakeTree& operator=(const FakeTree&) = delete;

  std::string path(std::string_view name) const { return root_ + "/" + std::string(name); }
  const std::string& root() const { return root_; }

  void write(std::string_view name, std::string_view text) const {
    make_parent(name);
    std::ofstream(path(name)) << text;
  }
  // Two names of one file: as the files of two processes in one namespace have one inode.
  void link(std::string_view existing, std::string_view name) const {
    make_parent(name);
    std::filesystem::create_hard_link(path(existing), path(name));
  }

 private:
  void make_parent(std::string_view name) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
  }

  std::string root_;
};

}  // namespace tcpdiag::test
