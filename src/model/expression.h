// SPDX-License-Identifier: Apache-2.0
// The filter expression of the command line, in the words of pcap-filter(7), about sockets instead of packets: src is
// this host's side, dst the other one; neither means either.
//
//   expression = term { ("and" | "or") term }       "and" binds closer than "or"; also && and ||
//   term       = "not" term | "(" expression ")" | [ "src" | "dst" ] primitive       also !
//   primitive  = "host" ADDR | "net" ADDR/LEN | "port" N | "portrange" N-M
//
// A value that follows and/or without its word takes the word before: "port 80 or 443".
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/address.h"
#include "util/result.h"

namespace tcpdiag::model {

enum class ExpressionOp : std::uint8_t { kNet, kPort, kAnd, kOr, kNot };
enum class ExpressionSide : std::uint8_t { kEither, kLocal, kRemote };

// In postfix order: kNet and kPort push whether they hold, the others take their operands from the stack.
struct ExpressionStep {
  ExpressionOp op = ExpressionOp::kPort;
  ExpressionSide side = ExpressionSide::kEither;
  Cidr net = {};               // of kNet; a host is a block of one address
  std::uint16_t port_low = 0;  // of kPort, both ends included
  std::uint16_t port_high = 0;
};

struct Expression {
  static constexpr std::size_t kMaxSteps = 32;  // the kernel's side has room for so many (wire.h)

  std::string text;  // as typed, words joined by one space
  std::vector<ExpressionStep> steps;

  // Whether it asks for this side's port, which a connecting socket has not got yet when it is born.
  bool needs_local_port() const;
  bool matches(const SocketAddress& local, const SocketAddress& remote) const;
  // The same about other blocks. Its text is written anew from the steps, so that nothing else of what was typed is
  // left in it; where the steps are no expression (they came from outside) it is empty.
  Expression with_nets(const std::function<Cidr(const Cidr&)>& replacement) const;
};

// Errors: kUsage, with the place and the hint.
Result<Expression> parse_expression(std::string_view text);

}  // namespace tcpdiag::model
