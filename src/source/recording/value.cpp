// SPDX-License-Identifier: Apache-2.0
#include "source/recording/value.h"

#include <algorithm>

namespace tcpdiag::recording {

const char* wrong_in(const model::Filters& filters) {
  const bool known = std::ranges::all_of(filters.families, [](int family) { return family == 4 || family == 6; });
  return known ? nullptr : "has a family other than 4 and 6";
}

// Expression::matches() trusts that every operator finds its operands.
const char* wrong_in(const model::Expression& expression) {
  if (expression.steps.size() > model::Expression::kMaxSteps) return "has too many steps";
  std::size_t operands = 0;
  for (const model::ExpressionStep& step : expression.steps) {
    const bool pushes = step.op == model::ExpressionOp::kNet || step.op == model::ExpressionOp::kPort;
    const std::size_t takes = pushes ? 0 : step.op == model::ExpressionOp::kNot ? 1 : 2;
    if (operands < takes) return "has an operator without operands";
    operands = operands - takes + 1;
  }
  return operands <= 1 ? nullptr : "has operands without an operator";
}

}  // namespace tcpdiag::recording
