// SPDX-License-Identifier: Apache-2.0
// What nearly every file includes, parsed once for a build. It is no substitute for a file's own includes: the preset
// tidy compiles without it.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "model/event.h"
#include "model/report.h"
