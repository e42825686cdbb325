// SPDX-License-Identifier: Apache-2.0
// The words that a recording has for enums, by the value of the enum. They are part of the file format
// (docs/recording.md): one that changes makes a new user_version.
#pragma once

#include <array>
#include <string_view>

#include "model/event.h"
#include "model/sample.h"

namespace tcpdiag::recording {

template <typename Enum>
inline constexpr std::array<std::string_view, 0> kEnumNames{};

template <>
inline constexpr std::array<std::string_view, 3> kEnumNames<model::Role>{"unknown", "outbound", "inbound"};
template <>
inline constexpr std::array<std::string_view, 4> kEnumNames<model::RoleSource>{"unknown", "connect", "accept",
                                                                               "derived"};
template <>
inline constexpr std::array<std::string_view, 13> kEnumNames<model::TcpState>{
    "unknown", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2",   "time_wait",
    "close",   "close_wait",  "last_ack", "listen",   "closing",   "new_syn_recv"};
template <>
inline constexpr std::array<std::string_view, 4> kEnumNames<model::OwnerSource>{"unknown", "owner", "reader", "table"};
template <>
inline constexpr std::array<std::string_view, 2> kEnumNames<model::Origin>{"bpf", "capture"};
template <>
inline constexpr std::array<std::string_view, 2> kEnumNames<model::SnapshotMoment>{"start", "end"};
template <>
inline constexpr std::array<std::string_view, 3> kEnumNames<model::EndedBy>{"duration", "signal", "error"};
template <>
inline constexpr std::array<std::string_view, 5> kEnumNames<model::ExpressionOp>{"net", "port", "and", "or", "not"};
template <>
inline constexpr std::array<std::string_view, 3> kEnumNames<model::ExpressionSide>{"either", "local", "remote"};
}  // namespace tcpdiag::recording
