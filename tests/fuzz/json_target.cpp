// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/targets.h"
#include "model/sample.h"
#include "report/size.h"
#include "source/recording/json_text.h"

namespace tcpdiag::fuzz {
namespace {

template <typename... Containers>
bool is_any(std::string_view text) {
  const auto is_one = [text]<typename T>(T container) { return recording::from_json_text(text, container) == nullptr; };
  return (static_cast<int>(is_one(Containers())) + ...) > 0;
}

}  // namespace

bool json(Bytes bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const bool is_value =
      is_any<std::vector<std::string>, std::vector<std::uint16_t>, std::vector<model::Feature>,
             std::vector<model::NetnsInfo>, std::vector<model::ExpressionStep>, std::vector<model::Cidr>,
             std::map<std::uint32_t, std::string>, std::map<std::string, std::uint64_t>>(text);
  return report::read_measured_traffic(text, std::nullopt).has_value() || is_value;
}

}  // namespace tcpdiag::fuzz
