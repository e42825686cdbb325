// SPDX-License-Identifier: Apache-2.0
#include "host/facts.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>

namespace tcpdiag::host {

model::HostInfo host_facts(std::time_t at) {
  model::HostInfo facts;
  utsname names{};
  if (::uname(&names) == 0) {
    facts.hostname = names.nodename;
    facts.kernel = names.release;
    facts.arch = names.machine;
  }
  std::tm local{};
  ::tzset();  // localtime_r() alone need not read TZ
  if (::localtime_r(&at, &local) != nullptr) {
    facts.utc_offset_s = static_cast<int>(local.tm_gmtoff);
    if (local.tm_zone != nullptr) facts.utc_offset_name = local.tm_zone;
  }
  facts.cpus = static_cast<int>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 0L));
  return facts;
}

}  // namespace tcpdiag::host
