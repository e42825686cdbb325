// SPDX-License-Identifier: Apache-2.0
// The headers of SQLite's database file and of its rollback journal, as far as they are checked before SQLite reads
// them (https://www.sqlite.org/fileformat2.html, sections 1.3 and 3). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "util/result.h"

namespace tcpdiag::recording {

inline constexpr std::size_t kFileHeaderBytes = 100;
inline constexpr std::size_t kJournalHeaderBytes = 28;

// Whether a file of `file_bytes` that begins with `header` can be a recording of this version. `shown` names it.
Result<> check_file_header(std::span<const std::uint8_t> header, std::uint64_t file_bytes, const std::string& shown);

// What such a header says of the file's length, in bytes.
std::uint64_t claimed_bytes(std::span<const std::uint8_t> header);

enum class JournalState { kCold, kHot, kForeign };
// kCold: no commit was under way. kForeign: no journal that the writer makes for this file.
// begin: the first kJournalHeaderBytes or all there is; end: the last 8 bytes.
JournalState journal_state(std::span<const std::uint8_t> begin, std::span<const std::uint8_t> end,
                           std::uint64_t file_bytes);

}  // namespace tcpdiag::recording
