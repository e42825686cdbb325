// SPDX-License-Identifier: Apache-2.0
#include "source/recording/file_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "source/recording/schema.h"

namespace tcpdiag::recording {
namespace {

constexpr std::string_view kMagic("SQLite format 3\0", 16);
constexpr std::array<std::uint8_t, 8> kJournalMagic{0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
constexpr std::uint32_t kSmallestPage = 512;
constexpr std::uint32_t kLargestPage = 65536;

std::uint32_t big_endian(std::span<const std::uint8_t> bytes, std::size_t at, std::size_t count) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < count; ++i) number = number << 8 | bytes[at + i];
  return number;
}

bool is_page_size(std::uint32_t bytes) {
  return bytes >= kSmallestPage && bytes <= kLargestPage && (bytes & (bytes - 1)) == 0;
}

std::uint32_t page_bytes(std::span<const std::uint8_t> header) {
  const std::uint32_t stored = big_endian(header, 16, 2);
  return stored == 1 ? kLargestPage : stored;
}

auto no_recording(const std::string& shown) {
  return fail(ExitCode::kFailed, fmt::format("{} is not a recording of tcpdiag", shown),
              "name a file that 'tcpdiag trace -w FILE' has written");
}

}  // namespace

Result<> check_file_header(std::span<const std::uint8_t> header, std::uint64_t file_bytes, const std::string& shown) {
  if (file_bytes == 0) {
    return fail(ExitCode::kFailed, fmt::format("{} is empty", shown), "its trace was ended before it had begun");
  }
  if (header.size() < kFileHeaderBytes || !std::equal(kMagic.begin(), kMagic.end(), header.begin())) {
    return no_recording(shown);
  }
  constexpr std::size_t kVersionAt = 60;
  constexpr std::size_t kApplicationAt = 68;
  if (big_endian(header, kApplicationAt, 4) != static_cast<std::uint32_t>(kApplicationId)) return no_recording(shown);
  const std::uint32_t version = big_endian(header, kVersionAt, 4);
  const bool is_newer = version > static_cast<std::uint32_t>(kUserVersion);
  const bool is_older = version > 0 && version < static_cast<std::uint32_t>(kUserVersion);
  if (is_newer || is_older) {
    return fail(ExitCode::kFailed,
                fmt::format("{} was made by {} tcpdiag (its format is {}, this program reads {})", shown,
                            is_newer ? "a newer" : "an older", version, kUserVersion),
                "read it with the version that made it");
  }
  const auto damaged = [&shown](std::string_view what) {
    return fail(ExitCode::kFailed, fmt::format("{} is damaged: {}", shown, what),
                "copy it again from where it was made");
  };
  constexpr std::size_t kEncodingAt = 56;
  const bool is_ours = version == static_cast<std::uint32_t>(kUserVersion) && is_page_size(page_bytes(header)) &&
                       header[18] == 1 && header[19] == 1 && header[20] == 0 && big_endian(header, kEncodingAt, 4) == 1;
  if (!is_ours) return damaged("its header is not the one that tcpdiag writes");
  const std::uint64_t claimed = claimed_bytes(header);
  if (claimed == 0) return damaged("its header says that it is empty");
  if (claimed > file_bytes) {
    return damaged(fmt::format("it is cut off, {} of {} bytes are there", file_bytes, claimed));
  }
  return {};
}

std::uint64_t claimed_bytes(std::span<const std::uint8_t> header) {
  return std::uint64_t{big_endian(header, 28, 4)} * page_bytes(header);
}

JournalState journal_state(std::span<const std::uint8_t> begin, std::span<const std::uint8_t> end,
                           std::uint64_t file_bytes) {
  // A commit ends with zeros in place of the header.
  if (begin.empty() || std::ranges::all_of(begin, [](std::uint8_t byte) { return byte == 0; }))
    return JournalState::kCold;
  if (begin.size() < kJournalHeaderBytes || !std::ranges::equal(begin.first(kJournalMagic.size()), kJournalMagic)) {
    return JournalState::kForeign;
  }
  // The name of a super-journal at the end would make SQLite look for other files, and remove them.
  if (std::ranges::equal(end, kJournalMagic)) return JournalState::kForeign;
  const std::uint64_t pages_before = big_endian(begin, 16, 4);
  const std::uint32_t sector = big_endian(begin, 20, 4);
  const std::uint32_t page = big_endian(begin, 24, 4);
  const bool is_sector = sector >= 32 && sector <= kLargestPage && (sector & (sector - 1)) == 0;
  // The file only grows, so what a commit overwrote is not longer than the file. (A first commit has nothing before.)
  const bool is_ours = is_page_size(page) && is_sector && pages_before * page <= file_bytes;
  return is_ours ? JournalState::kHot : JournalState::kForeign;
}

}  // namespace tcpdiag::recording
