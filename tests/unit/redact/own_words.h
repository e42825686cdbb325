// SPDX-License-Identifier: Apache-2.0
// A command line of which the redactor knows some words.
#pragma once

#include "redact/own_words.h"

namespace tcpdiag::redact::testing {

inline OwnWords own_words() {
  return {.commands = {"trace", "report", "top"},
          .options = {"-A", "--remote", "--comm", "-d", "--duration", "-w", "--from"},
          .is_plain = [](std::string_view option, std::string_view value) {
            return (option == "-d" || option == "--duration") && value == "30s";
          }};
}

}  // namespace tcpdiag::redact::testing
