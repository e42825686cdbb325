// SPDX-License-Identifier: Apache-2.0
// A program's link to what runs it; ends with its owner.
#pragma once

#include <bpf/libbpf.h>

#include <memory>

namespace tcpdiag::bpf {

struct LinkDeleter {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, LinkDeleter>;

}  // namespace tcpdiag::bpf
