// SPDX-License-Identifier: Apache-2.0
// Names in DNS messages (RFC 1035 section 3.1) -> text, as model::DnsMessage::name has it. Pure; anybody may have
// written the bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace tcpdiag::bpf {

// The name that `bytes` begin with. `is_cut`: there were more bytes, so that a name without an end goes on in them.
// Empty: it is no name; a question's has no pointers to other ones (section 4.1.4), and no other kinds of labels.
std::string dns_name(std::span<const std::byte> bytes, bool is_cut);

}  // namespace tcpdiag::bpf
