// SPDX-License-Identifier: Apache-2.0
#include "doctor/examine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "doctor/rows.h"
#include "util/io.h"

namespace tcpdiag::doctor {
namespace {

constexpr const char* kProgramsRow = "programs";
constexpr const char* kNothing = "nothing can be traced";

Row kernel_row(std::string id, std::string name, Weight weight) {
  return {.id = std::move(id),
          .name = std::move(name),
          .group = Group::kKernel,
          .weight = weight,
          .found = {},
          .lost = {},
          .hint = {}};
}

Row release_row(const model::HostInfo& host) {
  Row row = kernel_row("kernel", "kernel", Weight::kNote);
  row.found = host.kernel.empty() ? "not known" : fmt::format("Linux {}, {}", host.kernel, host.arch);
  row.answer = host.kernel.empty() ? Answer::kUnknown : Answer::kYes;
  return row;
}

void refuse(Row& row, const Error& error) {
  row.answer = Answer::kNo;
  row.found = error.what;
  row.lost = kNothing;
  row.hint = error.hint;
}

Row source_row() {
  Row row = kernel_row("live_source", "live source", Weight::kRequired);
  refuse(row, no_live_source());
  return row;
}

Row types_row(const Kernel& kernel) {
  Row row = kernel_row("types", "kernel types (BTF)", Weight::kRequired);
  row.answer = Answer::kYes;
  if (kernel.no_types) refuse(row, *kernel.no_types);
  return row;
}

Row feature_row(const Standing& standing) {
  const Feature& feature = *standing.feature;
  Row row = kernel_row(std::string(feature.name), std::string(feature.title),
                       feature.required ? Weight::kRequired : Weight::kOptional);
  row.answer = standing.answer;
  row.found = standing.found;
  row.programs.assign(feature.programs.begin(), feature.programs.end());
  if (standing.answer == Answer::kNo) {
    row.lost = feature.lost;
    row.hint = hint_of(standing);
  }
  return row;
}

std::string refused_in_words(const Kernel& kernel) {
  std::string list;
  for (const Refused& one : kernel.refused) {
    list += fmt::format("{}{} ({})", list.empty() ? "" : ", ", one.program, one.said);
  }
  return list;
}

// The proof: the verifier checks each argument and each member of a struct that a program reads.
Row programs_row(const Kernel& kernel) {
  Row row = kernel_row(kProgramsRow, "the kernel takes the programs", Weight::kRequired);
  switch (kernel.load) {
    case LoadTest::kNotTried:
      row.found = "not tried: something else is missing";
      return row;
    case LoadTest::kPassed:
      row.answer = Answer::kYes;
      row.found = fmt::format("{} loaded, nothing attached", kernel.programs);
      if (!kernel.refused.empty()) row.found += "; refused: " + refused_in_words(kernel);
      return row;
    case LoadTest::kNotPermitted:
    case LoadTest::kRefused:
      break;
  }
  refuse(row, kernel.load_error.value_or(Error{}));
  if (kernel.load == LoadTest::kNotPermitted) {
    row.found = "bpf() is not permitted although the capabilities are there";
    row.hint =
        "it is a system call filter (docker: --security-opt seccomp=unconfined), a security module (SELinux, "
        "AppArmor: see dmesg), or the limit of locked memory (ulimit -l)";
  }
  if (!kernel.refused.empty()) row.found = "refused: " + refused_in_words(kernel);
  return row;
}

std::vector<Row> kernel_rows(const Kernel& kernel, const model::HostInfo& host) {
  std::vector<Row> rows{release_row(host)};
  if (!kernel.built_in) {
    rows.push_back(source_row());
    return rows;
  }
  rows.push_back(types_row(kernel));
  for (const Standing& standing : kernel.features.standings()) rows.push_back(feature_row(standing));
  rows.push_back(programs_row(kernel));
  return rows;
}

bool prevents(const Row& row) { return row.weight == Weight::kRequired && row.answer == Answer::kNo; }
bool impoverishes(const Row& row) { return row.weight == Weight::kOptional && row.answer == Answer::kNo; }

std::string names_of(const std::vector<Row>& rows, bool (*which)(const Row&)) {
  std::string list;
  for (const Row& row : rows) {
    if (which(row)) list += fmt::format("{}{}", list.empty() ? "" : ", ", row.name);
  }
  return list;
}

void judge(Examination& result) {
  const std::vector<Row>& rows = result.rows;
  const auto first = std::ranges::find_if(rows, prevents);
  const auto programs = std::ranges::find(rows, kProgramsRow, &Row::id);
  if (first != rows.end()) {
    // The load test fails for what the rows above it say.
    const auto reasons = std::ranges::count_if(
        rows, [&](const Row& row) { return prevents(row) && (row.id != kProgramsRow || &row == &*first); });
    result.verdict = Readiness::kCannot;
    result.answer = fmt::format("cannot trace: {}; {}", first->found, first->hint);
    if (reasons > 1) result.answer += fmt::format(" (the first of {} reasons)", reasons);
  } else if (programs->answer != Answer::kYes) {
    result.verdict = Readiness::kCannot;
    result.answer = "cannot trace: not known whether the kernel takes the programs";
  } else if (std::ranges::any_of(rows, impoverishes)) {
    result.verdict = Readiness::kDegraded;
    result.answer = "can trace, degraded: " + names_of(rows, impoverishes);
  } else {
    result.verdict = Readiness::kEverything;
    result.answer = "can trace: everything";
  }
  if (result.verdict == Readiness::kCannot) return;
  const std::string unknown =
      names_of(rows, [](const Row& row) { return row.weight != Weight::kNote && row.answer == Answer::kUnknown; });
  if (!unknown.empty()) result.answer += "; not known: " + unknown;
}

}  // namespace

const char* to_string(Group group) {
  switch (group) {
    case Group::kKernel:
      return "kernel";
    case Group::kPrivileges:
      return "rights";
    case Group::kHost:
      return "host";
  }
  return "host";
}

const char* to_string(Weight weight) {
  switch (weight) {
    case Weight::kRequired:
      return "required";
    case Weight::kOptional:
      return "optional";
    case Weight::kNote:
      return "note";
  }
  return "note";
}

const char* to_string(Readiness verdict) {
  switch (verdict) {
    case Readiness::kEverything:
      return "everything";
    case Readiness::kDegraded:
      return "poorer";
    case Readiness::kCannot:
      return "cannot";
  }
  return "cannot";
}

Examination examine(const Kernel& kernel, model::Machine machine) {
  Examination result;
  result.machine = std::move(machine);
  const model::Machine& there = result.machine;
  result.rows = kernel_rows(kernel, there.host);
  std::ranges::move(privileges_rows(there.privileges, &kernel, there.host.cpus), std::back_inserter(result.rows));
  std::ranges::move(host_rows(there), std::back_inserter(result.rows));
  if (!kernel.no_types && kernel.built_in) result.features = kernel.features.of_report();
  judge(result);
  return result;
}

Result<> check_privileges(const model::Privileges& privileges) {
  for (const Row& row : privileges_rows(privileges, nullptr, 0)) {
    if (prevents(row)) return fail(ExitCode::kNotAble, row.found, row.hint);
  }
  return {};
}

Error no_live_source() {
  return {.what = "this tcpdiag was built without the live kernel source",
          .hint = "build it with -DTCPDIAG_BPF=ON (needs clang and bpftool)",
          .exit_code = ExitCode::kNotAble};
}

Error no_types(bool has_sys, int error) {
  Error result{.what = "the kernel's types cannot be read: /sys is not mounted",
               .hint = "mount -t sysfs sysfs /sys; in a container: mount the host's /sys, read-only",
               .exit_code = ExitCode::kNotAble};
  if (!has_sys) return result;
  if (error == ENOENT) {
    result.what = "this kernel does not describe its types: /sys/kernel/btf/vmlinux is missing";
    result.hint =
        "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as those of Debian 11, Ubuntu 22.04, RHEL 9 and Amazon "
        "Linux 2023 are";
    return result;
  }
  result.what = "the kernel's types cannot be read: /sys/kernel/btf/vmlinux";
  result.hint = cure_of(error, "");
  if (result.hint.empty() && error != EACCES && error != EPERM) {
    result.what += " is damaged, or is another file";
    result.hint = "`findmnt /sys/kernel/btf/vmlinux` shows what was mounted over it; else boot the kernel again";
    return result;
  }
  result.what += ": " + errno_text(error);
  if (result.hint.empty()) result.hint = "run it with sudo";
  return result;
}

}  // namespace tcpdiag::doctor
