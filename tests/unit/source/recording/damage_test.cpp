// SPDX-License-Identifier: Apache-2.0
// Recordings that were cut off or have flipped bits and bytes: reading gives an error or what was recorded. Run it with
// the sanitizers too.
#include <gmock/gmock.h>

#include <random>

#include "unit/source/recording/recording_case.h"

namespace tcpdiag::recording::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

class Damaged : public RecordingCase {
 protected:
  struct Counts : model::Sink {
    void on_event(const model::Event&) override { ++events; }
    void on_sample(const model::Sample&) override { ++samples; }
    std::size_t events = 0;
    std::size_t samples = 0;
  };
};

TEST_F(Damaged, cut_off_anywhere) {
  write_realistic(path());
  const std::string whole = bytes_of_file(path());
  std::mt19937 random(20);
  for (int i = 0; i < 200; ++i) {
    const std::size_t length = random() % whole.size();
    write_file(path("cut"), whole.substr(0, length));
    const std::string error = error_of(path("cut"));
    EXPECT_THAT(error, AnyOf(HasSubstr("is cut off"), HasSubstr("is not a recording"), HasSubstr("is empty")))
        << length;
  }
}

TEST_F(Damaged, any_bit_or_byte_flipped) {
  const std::vector<Record> recorded = write_realistic(path(), 2);
  std::string bytes = bytes_of_file(path());
  // Most of a small recording is free space, which no one reads.
  const auto is_free = [&bytes](std::size_t at) { return bytes.find_first_not_of('\0', at) >= at + 2; };
  std::mt19937 random(7);
  int errors = 0;
  for (int i = 0; i < 300; ++i) {
    std::size_t at = random() % bytes.size();
    while (is_free(at)) at = random() % bytes.size();
    const char before = bytes[at];
    const auto flipped = static_cast<unsigned>(i % 2 == 0 ? 1U << random() % 8 : 1 + random() % 255);
    bytes[at] = static_cast<char>(static_cast<unsigned char>(before) ^ flipped);
    write_file(path("flipped"), bytes);
    Collector collector;
    const auto error = read(path("flipped"), collector);
    errors += error ? 1 : 0;
    if (!error) {
      EXPECT_EQ(difference(recorded, collector.records), "") << "byte " << at << ", bits " << flipped;
    }
    bytes[at] = before;
  }
  EXPECT_GT(errors, 200);
}

// Bytes that steer: headers of pages and of rows, where a single flip leads far away.
TEST_F(Damaged, any_byte_of_a_page_header_changed) {
  write_realistic(path(), 4);
  const std::string whole = bytes_of_file(path());
  std::mt19937 random(8);
  for (std::size_t page = 0; page < whole.size(); page += 4096) {
    for (int i = 0; i < 8; ++i) {
      std::string bytes = whole;
      for (int changes = 0; changes < 3; ++changes) {
        const std::size_t at = page + (page == 0 ? 100 : 0) + random() % 40;
        bytes[at] = static_cast<char>(random());
      }
      write_file(path("flipped"), bytes);
      Counts counts;
      read(path("flipped"), counts);
      EXPECT_LT(counts.events + counts.samples, 1000U);
    }
  }
}

// A page that leads to itself, or two that lead to each other, would be read for ever.
TEST_F(Damaged, pages_that_lead_in_a_circle) {
  write_realistic(path(), 60);
  const std::string whole = bytes_of_file(path());
  int interior = 0;
  for (std::size_t page = 4096; page < whole.size(); page += 4096) {
    const char type = whole[page];
    if (type != 5 && type != 2) continue;
    ++interior;
    for (std::uint32_t target = 1; target <= 6; ++target) {
      std::string bytes = whole;
      for (int shift = 0; shift < 4; ++shift) {
        bytes[page + 8 + static_cast<std::size_t>(shift)] = static_cast<char>(target >> (8 * (3 - shift)));
      }
      write_file(path("circle"), bytes);
      Counts counts;
      read(path("circle"), counts);
      EXPECT_LT(counts.events + counts.samples, 2000U);
    }
  }
  EXPECT_GT(interior, 1);
}

TEST_F(Damaged, journal_with_any_byte_flipped) {
  const auto writer = create();
  writer->on_sample(trace_start());
  for (std::uint64_t i = 1; i <= 50; ++i) writer->on_event(realistic_event(i));
  writer->commit();
  write_file(path("copy"), bytes_of_file(path()));
  const std::vector<Record> committed = records_of(path("copy"));
  for (std::uint64_t i = 51; i <= 100; ++i) writer->on_event(realistic_event(i));
  std::string journal = bytes_of_file(path() + "-journal");
  std::mt19937 random(9);
  for (int i = 0; i < 120; ++i) {
    const std::size_t at = random() % (i < 60 ? 28 : journal.size());
    const char before = journal[at];
    journal[at] = static_cast<char>(random());
    write_file(path("copy-journal"), journal);
    Collector collector;
    if (!read(path("copy"), collector)) {
      EXPECT_EQ(difference(committed, collector.records), "") << "byte " << at;
    }
    journal[at] = before;
  }
  EXPECT_EQ(names(), (std::vector<std::string>{"copy", "copy-journal", "x.tcpdiag", "x.tcpdiag-journal"}));
}

}  // namespace
}  // namespace tcpdiag::recording::testing
