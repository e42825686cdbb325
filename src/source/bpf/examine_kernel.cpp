// SPDX-License-Identifier: Apache-2.0
#include "source/bpf/examine_kernel.h"

#include <string>
#include <utility>

#include "model/expression.h"
#include "source/bpf/kernel_types.h"
#include "source/bpf/programs.h"

namespace tcpdiag::bpf {

namespace {

source::LiveOptions every_filter() {
  const model::Cidr any{};
  source::LiveOptions options;
  model::Filters& filters = options.filters;
  filters.pids = {1};
  filters.children = true;
  filters.comms = {"doctor"};
  filters.cgroups.emplace_back().id = 1;
  filters.local_ports = {1};
  filters.remote_ports = {1};
  filters.local = {any};
  filters.remote = {any};
  if (auto expression = model::parse_expression("not port 1")) filters.expression = std::move(*expression);
  return options;
}

}  // namespace

doctor::Kernel examine_kernel(bool may_load) {
  doctor::Kernel kernel;
  const auto types = read_kernel_types();
  if (!types) {
    kernel.no_types = types.error();
    return kernel;
  }
  kernel.features = doctor::Features(*types);
  kernel.memory_is_locked = !types->functions.contains(doctor::kMemoryAccountingFunction);
  if (!may_load || !kernel.features.check()) return kernel;
  source::LiveOptions options = every_filter();
  options.filters.children = kernel.features.works(doctor::kChildren);
  Programs::LoadNotes notes;
  auto programs = Programs::load(options, kernel.features, notes);
  if (!programs && options.filters.children && !kernel.features.works(doctor::kChildren)) {
    options.filters.children = false;  // the kernel refuses those programs: the others may be right
    programs = Programs::load(options, kernel.features, notes);
  }
  kernel.refused = std::move(notes.refused);
  kernel.programs = notes.programs;
  if (programs) {
    kernel.load = doctor::LoadTest::kPassed;
  } else {
    kernel.load = notes.permitted ? doctor::LoadTest::kRefused : doctor::LoadTest::kNotPermitted;
    kernel.load_error = programs.error();
  }
  return kernel;
}

}  // namespace tcpdiag::bpf
