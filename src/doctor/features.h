// SPDX-License-Identifier: Apache-2.0
// The table of features (feature_table.h) held against one kernel.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "doctor/feature_table.h"
#include "model/sample.h"
#include "util/result.h"

namespace tcpdiag::doctor {

// What the kernel's type information says of that which the table names.
struct KernelTypes {
  std::map<std::string, std::string, std::less<>> tracepoints;  // -> arguments, spelled as in Tracepoint::forms
  std::set<std::string, std::less<>> functions;
  std::set<std::string, std::less<>> enumerators;
  std::map<std::uint32_t, std::string> reset_reasons;  // enum sk_rst_reason without its prefix; empty: none
  std::map<std::uint32_t, std::string> drop_reasons;   // of enum skb_drop_reason: those of model/drop_reason.h
};

enum class Answer : std::uint8_t { kYes, kNo, kUnknown };
const char* to_string(Answer answer);  // "yes", "no", "unknown"

enum class Shortfall : std::uint8_t {
  kNothing,
  kAbsent,   // as in kernels before Feature::since
  kForm,     // a tracepoint is there with arguments that are not known
  kRefused,  // the kernel did not take a program
  kLeftOut,  // the user did not want it
};

struct Standing {
  const Feature* feature = nullptr;
  Answer answer = Answer::kUnknown;  // kYes also where the kernel has no use for it (Feature::needless_without)
  Shortfall shortfall = Shortfall::kNothing;
  std::string found;  // the shortfall, or the arguments of the tracepoint; one line without a full stop

  bool works() const { return answer == Answer::kYes && shortfall == Shortfall::kNothing; }
};

class Features {
 public:
  Features();  // of a kernel of which nothing is known
  explicit Features(const KernelTypes& types);

  bool works(std::string_view feature) const;
  // Whether this program is to be loaded; of one that no feature names: false.
  bool loads(std::string_view program, bool with_children) const;
  // The kernel does not take this program, with what it said. The feature that can best be done without goes.
  void refuse(std::string_view program, std::string_view said);

  // The user does not want it; `by`: the option.
  void leave_out(std::string_view feature, std::string_view by);

  // Error (kNotAble): something that is required is not there. What is not known is no error.
  Result<> check() const;

  const std::map<std::uint32_t, std::string>& drop_reasons() const { return drop_reasons_; }  // as KernelTypes
  const std::vector<Standing>& standings() const { return standings_; }  // in the order of the table
  std::vector<model::Feature> of_report() const;                         // those that are not required

 private:
  const Standing& standing(std::string_view feature) const;
  void settle_dependents();

  std::vector<Standing> standings_;
  std::map<std::uint32_t, std::string> drop_reasons_;
};

// What a person without it can do; empty: there is no shortfall.
std::string hint_of(const Standing& standing);

}  // namespace tcpdiag::doctor
