// SPDX-License-Identifier: Apache-2.0
// Comparison with the files of tests/golden. TCPDIAG_UPDATE_GOLDEN=1 in the environment writes them anew: then read the
// difference before it is committed.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "support/source_dir.h"

namespace tcpdiag::testing {

inline void expect_golden(const std::string& name, const std::string& actual) {
  const std::string path = source_dir() + "/tests/golden/" + name;
  if (std::getenv("TCPDIAG_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << actual;
    return;
  }
  std::ifstream file(path, std::ios::binary);
  ASSERT_TRUE(file) << path << " is missing; TCPDIAG_UPDATE_GOLDEN=1 writes it";
  std::ostringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(expected.str(), actual) << "in " << path;
}

}  // namespace tcpdiag::testing
