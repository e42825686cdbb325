// SPDX-License-Identifier: Apache-2.0
#include "source/recording/thinner.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

#include "source/recording/schema.h"

namespace tcpdiag::recording {
namespace {

constexpr int kSamplesABatch = 512;  // so that the journal of one transaction stays within a few MB

struct Source {
  std::string_view table;
  std::string_view key;  // columns that say what it is a sample of
};
// In this order: the first are by far the largest.
constexpr std::array<Source, 3> kSources{{
    {kEndpointTable, "endpoint_role,endpoint_address,endpoint_port,endpoint_netns_inode,generation"},
    {kNetnsTable, "netns_inode"},
    {kNicTable, "netns_inode,device"},
}};

std::string key_of(const Statement& row, std::size_t columns) {
  std::string key;
  for (std::size_t column = 1; column <= columns; ++column) {
    const Value value = row.at(column);
    const auto* number = std::get_if<std::int64_t>(&value);
    const std::string text = number != nullptr ? std::to_string(*number) : std::string(text_of(value).value_or(""));
    key += fmt::format("{}:{}", text.size(), text);
  }
  return key;
}

std::uint64_t hash_of(std::int64_t sample, std::string_view measure, const HistogramRow& row) {
  RowHash hash;
  for_each_value(sample, measure, row, [&hash](const Value& value) { hash.add(value); });
  return hash.value();
}

std::size_t columns_in(std::string_view list) {
  std::size_t columns = 1;
  for (const char c : list) columns += c == ',' ? 1 : 0;
  return columns;
}

}  // namespace

std::optional<Thinner> Thinner::prepare(const Database& database) {
  Thinner made;
  for (const Source& source : kSources) {
    Kind kind;
    kind.next = database.prepare(fmt::format("SELECT seq,{} FROM {} WHERE seq>? ORDER BY seq LIMIT {}", source.key,
                                             source.table, kSamplesABatch));
    kind.remove = database.prepare(fmt::format("DELETE FROM {} WHERE seq=?", source.table));
    kind.whole = database.prepare(fmt::format("SELECT * FROM {} WHERE seq=?", source.table));
    if (!kind.next || !kind.remove || !kind.whole) return std::nullopt;
    made.kinds_.push_back(std::move(kind));
  }
  made.histograms_of_ = database.prepare(
      "SELECT measure,count,sum_us,min_us,max_us,buckets FROM histograms WHERE sample_seq=? ORDER BY measure");
  made.move_histogram_ = database.prepare("UPDATE histograms SET sample_seq=? WHERE sample_seq=? AND measure=?");
  made.remove_histogram_ = database.prepare("DELETE FROM histograms WHERE sample_seq=? AND measure=?");
  made.replace_histogram_ =
      database.prepare("UPDATE histograms SET count=?,sum_us=?,buckets=? WHERE sample_seq=? AND measure=?");
  if (!made.histograms_of_ || !made.move_histogram_ || !made.remove_histogram_ || !made.replace_histogram_) {
    return std::nullopt;
  }
  return made;
}

void Thinner::restart() {
  kind_ = 0;
  after_ = 0;
  turn_ = 0;
  seen_.clear();
}

bool Thinner::passed() { return std::exchange(passed_, false); }

int Thinner::take_out(Kind& kind, std::int64_t sample, std::int64_t next, TableSums& sums) {
  const std::string_view table = kSources[kind_].table;
  kind.whole.bind(1, sample);
  if (const int result = kind.whole.step(); result != SQLITE_ROW) return result;
  sums.of(table).remove(hash_of_row(kind.whole));
  kind.whole.reset();
  kind.remove.bind(1, sample);
  if (const int result = kind.remove.run(); result != SQLITE_OK) return result;
  return table == kEndpointTable ? move_histograms(sample, next, sums.of(kHistogramTable)) : SQLITE_OK;
}

// What came in with the one that goes came in with the next one then.
int Thinner::move_histograms(std::int64_t sample, std::int64_t next, TableSum& sum) {
  const auto rows_of = [this](std::int64_t seq) {
    std::map<std::string, HistogramRow> rows;
    histograms_of_.bind(1, seq);
    while (histograms_of_.step() == SQLITE_ROW) {
      HistogramRow row;
      std::string measure;
      const bool ok = from_value(histograms_of_.at(0), measure) == nullptr &&
                      from_value(histograms_of_.at(1), row.count) == nullptr &&
                      from_value(histograms_of_.at(2), row.sum_us) == nullptr &&
                      from_value(histograms_of_.at(3), row.min_us) == nullptr &&
                      from_value(histograms_of_.at(4), row.max_us) == nullptr &&
                      from_value(histograms_of_.at(5), row.buckets) == nullptr;
      if (ok) rows.emplace(std::move(measure), std::move(row));
    }
    histograms_of_.reset();
    return rows;
  };
  const std::map<std::string, HistogramRow> later = rows_of(next);
  for (const auto& [measure, row] : rows_of(sample)) {
    const auto found = later.find(measure);
    const auto both = found != later.end() ? joined_rows(row, found->second) : std::nullopt;
    int result = SQLITE_OK;
    sum.remove(hash_of(sample, measure, row));
    if (both) sum.remove(hash_of(next, measure, found->second));
    sum.add(hash_of(next, measure, both.value_or(row)));
    if (!both) {
      move_histogram_.bind(1, next);
      move_histogram_.bind(2, sample);
      move_histogram_.bind(3, std::string_view(measure));
      result = move_histogram_.run();
    } else {
      remove_histogram_.bind(1, sample);
      remove_histogram_.bind(2, std::string_view(measure));
      replace_histogram_.bind(1, both->count);
      replace_histogram_.bind(2, both->sum_us);
      replace_histogram_.bind(3, to_value(both->buckets));
      replace_histogram_.bind(4, next);
      replace_histogram_.bind(5, std::string_view(measure));
      result = remove_histogram_.run();
      if (result == SQLITE_OK) result = replace_histogram_.run();
    }
    if (result != SQLITE_OK) return result;
  }
  return SQLITE_OK;
}

std::optional<Thinner::Batch> Thinner::thin_batch(TableSums& sums) {
  Kind& kind = kinds_[kind_];
  struct Sample {
    std::int64_t seq = 0;
    std::string key;
  };
  std::vector<Sample> samples;
  kind.next.bind(1, after_);
  int result = kind.next.step();
  for (; result == SQLITE_ROW; result = kind.next.step()) {
    const Value seq = kind.next.at(0);
    samples.push_back({std::get<std::int64_t>(seq), key_of(kind.next, columns_in(kSources[kind_].key))});
  }
  kind.next.reset();
  if (result != SQLITE_DONE) return std::nullopt;

  Batch done{.looked_at = samples.size()};
  for (const Sample& sample : samples) {
    const auto [found, is_first] = seen_.try_emplace(sample.key);
    Seen& seen = found->second;
    if (!is_first && seen.turn == turn_) ++turn_;  // met again: the next turn has begun
    seen.turn = turn_;
    if (seen.taken_out != 0) {
      if (take_out(kind, seen.taken_out, sample.seq, sums) != SQLITE_OK) return std::nullopt;
      ++done.taken_out;
    }
    seen.taken_out = !is_first && turn_ % 2 == 1 ? sample.seq : 0;
    after_ = sample.seq;
  }
  if (samples.size() < static_cast<std::size_t>(kSamplesABatch)) {
    const std::size_t next = (kind_ + 1) % kinds_.size();
    passed_ = passed_ || next == 0;
    restart();
    kind_ = next;
  }
  return done;
}

}  // namespace tcpdiag::recording
