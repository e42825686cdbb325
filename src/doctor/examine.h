// SPDX-License-Identifier: Apache-2.0
// What `tcpdiag doctor` answers: can this kernel and this user trace, what is lost, and a hint. A function of what
// was found out (Kernel, model::Machine); asks nothing itself. The same words refuse a trace.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "doctor/features.h"
#include "model/machine.h"
#include "util/result.h"

namespace tcpdiag::doctor {

// A program that the kernel does not take.
struct Refused {
  std::string program;
  std::string said;  // the system's words for the error
};

enum class LoadTest : std::uint8_t {
  kNotTried,
  kPassed,        // all programs were loaded; nothing was attached
  kNotPermitted,  // EPERM: not the verifier, which says EACCES or EINVAL
  kRefused,
};

// What the live source found out about the kernel.
struct Kernel {
  bool built_in = true;                  // this tcpdiag has a live source
  std::optional<Error> no_types;         // its types could not be read: nothing is known of it
  Features features;                     // after the load test
  std::optional<bool> memory_is_locked;  // BPF memory counts as the user's locked memory (before 5.11)
  LoadTest load = LoadTest::kNotTried;
  unsigned programs = 0;            // that were loaded
  std::vector<Refused> refused;     // also where the run is only degraded for it
  std::optional<Error> load_error;  // of a test that was not passed
};

enum class Group : std::uint8_t { kKernel, kPrivileges, kHost };
enum class Weight : std::uint8_t {
  kRequired,  // without it nothing can be traced
  kOptional,  // without it a run is degraded
  kNote,      // good to know
};
const char* to_string(Group group);    // "kernel", "rights", "host"
const char* to_string(Weight weight);  // "required", "optional", "note"

struct Row {
  std::string id;    // part of the JSON contract
  std::string name;  // for people; ids and names may hold a device's name: untrusted
  Group group = Group::kKernel;
  Weight weight = Weight::kRequired;
  Answer answer = Answer::kUnknown;
  std::string found;  // what was seen; may hold untrusted text
  std::string lost;   // empty where the answer is yes
  std::string hint;   // the same
  std::vector<std::string> programs = {};
};

enum class Readiness : std::uint8_t { kEverything, kDegraded, kCannot };
const char* to_string(Readiness verdict);  // "everything", "poorer", "cannot"

struct Examination {
  model::Machine machine;
  std::vector<Row> rows;  // kernel, privileges, host
  std::vector<model::Feature> features;
  Readiness verdict = Readiness::kCannot;
  std::string answer;  // the verdict in one line: "can trace: everything"
};

Examination examine(const Kernel& kernel, model::Machine machine);

// Error (kNotAble): with these privileges nothing can be traced, whatever the kernel. What is not known is no error.
Result<> check_privileges(const model::Privileges& privileges);

// This tcpdiag was built without one.
Error no_live_source();
// The kernel's types cannot be read: /sys is not mounted, or the errno of reading /sys/kernel/btf/vmlinux.
Error no_types(bool has_sys, int error);

}  // namespace tcpdiag::doctor
