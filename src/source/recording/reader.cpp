// SPDX-License-Identifier: Apache-2.0
// Idea: each table is read once, from its smallest seq on, and the tables are merged by it. What is kept meanwhile is
// the sum of each endpoint's histograms so far, as sparse as it is in the file.
//
// Bounds: SQLite's B-trees can be made to lead to the same page again and again. Rows must rise in seq, which a page
// that is met twice does not; and the text that is read in all is never more than the file is long, in a file that
// does not lead there twice.
//
// Damage: what SQLite cannot read, and values that no trace has, are found at their row; a row that is missing or has
// other values than were written is found by the checksum of its table, when all of it has been read.
#include "source/recording/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "source/recording/histogram_row.h"
#include "source/recording/schema.h"
#include "source/recording/source_file.h"
#include "source/recording/table_sums.h"
#include "util/escape.h"

namespace tcpdiag::recording {
namespace {

constexpr const char* kNoSense = "copy it again from where it was made";

// What SQLite may do until the schema is known to be ours: a few thousand of its instructions are enough.
constexpr int kInstructionsACall = 100;
constexpr int kCalls = 200;
int count_calls(void* calls) { return ++*static_cast<int*>(calls) > kCalls ? 1 : 0; }

// Says when more text was read than the file can hold.
class Budget {
 public:
  explicit Budget(std::uint64_t bytes) : left_(bytes) {}
  void spend(const Value& value) {
    const std::uint64_t bytes = text_of(value).value_or("").size();
    overdrawn_ = overdrawn_ || bytes > left_;
    left_ -= std::min(left_, bytes);
  }
  bool overdrawn() const { return overdrawn_; }

 private:
  std::uint64_t left_;
  bool overdrawn_ = false;
};

struct TableRow {
  const Statement& statement;
  Budget& budget;
  Value at(std::size_t column) const {
    Value value = statement.at(column + 1);  // behind seq
    budget.spend(value);
    return value;
  }
};

using Metadata = std::map<std::string, std::variant<std::monostate, std::int64_t, double, std::string>, std::less<>>;

struct MetadataRow {
  const Metadata& metadata;
  const std::vector<Column>& keys;
  std::size_t missing = 0;

  Value at(std::size_t column) {
    const auto found = metadata.find(keys[column].name);
    if (found == metadata.end()) {
      ++missing;
      return {};
    }
    return std::visit([](const auto& value) -> Value { return value; }, found->second);
  }
};

}  // namespace

struct Reader::Impl {
  explicit Impl(SourceFile opened) : source(std::move(opened)) {}

  auto damaged(std::string_view what) const {
    return fail(ExitCode::kFailed, fmt::format("{} is damaged: {}", source.shown, what), kNoSense);
  }
  auto damaged_row(std::string_view table, std::int64_t seq, std::string_view what) const {
    return damaged(fmt::format("table {}, seq {}: {}", table, seq, what));
  }

  Result<> check_schema();
  Result<> read_checksums();
  Result<> check_rows(std::string_view table, const TableSum& found) const;
  Result<> read_metadata();
  Result<Metadata> all_metadata(TableSum& found);
  template <typename Record>
  Result<bool> read_record(const Metadata& metadata, Record& record);

  SourceFile source;
  std::uint64_t bytes = 0;  // of the database
  model::TraceStart start;
  std::optional<model::TraceEnd> end;
  model::Loss known_loss;
  TableSums recorded;
};

// --- what is checked before the first record ---

Result<> Reader::Impl::check_schema() {
  Statement schema = source.database.prepare("SELECT type,name,tbl_name,sql FROM sqlite_schema");
  if (!schema) return damaged(escape_terminal(source.database.message()));
  const auto other = [this] {
    return fail(ExitCode::kFailed, fmt::format("{} is not a recording of tcpdiag: its tables are others", source.shown),
                "name a file that 'tcpdiag trace -w FILE' has written");
  };
  std::vector<TableSql> expected = all_tables();
  int result = schema.step();
  for (; result == SQLITE_ROW; result = schema.step()) {
    const std::array<Value, 4> row{schema.at(0), schema.at(1), schema.at(2), schema.at(3)};
    const auto found = std::ranges::find_if(expected, [&row](const TableSql& table) {
      return text_of(row[0]) == "table" && text_of(row[1]) == table.name && text_of(row[2]) == table.name &&
             text_of(row[3]) == table.create;
    });
    if (found == expected.end()) return other();
    expected.erase(found);
  }
  if (result != SQLITE_DONE) return damaged(escape_terminal(source.database.message()));
  if (!expected.empty()) return other();
  return {};
}

Result<> Reader::Impl::read_checksums() {
  Statement rows = source.database.prepare(kSelectChecksums);
  if (!rows) return damaged(escape_terminal(source.database.message()));
  std::size_t count = 0;
  int result = rows.step();
  for (; result == SQLITE_ROW; result = rows.step(), ++count) {
    const Value name = rows.at(0);
    const auto table = std::ranges::find(TableSums::kTables, text_of(name).value_or(""));
    if (table == TableSums::kTables.end()) return damaged("table checksums has a table that is not known");
    TableSum& sum = recorded.of(*table);
    const char* wrong = from_value(rows.at(1), sum.rows);
    if (wrong == nullptr) wrong = from_value(rows.at(2), sum.checksum);
    if (wrong != nullptr) return damaged(fmt::format("table checksums, that of {} {}", *table, wrong));
  }
  if (result != SQLITE_DONE) return damaged(escape_terminal(source.database.message()));
  if (count != TableSums::kTables.size()) return damaged("table checksums lacks tables");
  return {};
}

Result<> Reader::Impl::check_rows(std::string_view table, const TableSum& found) const {
  const TableSum& written = recorded.of(table);
  if (found == written) return {};
  if (found.rows == written.rows) return damaged(fmt::format("table {} has values that were not recorded", table));
  return damaged(fmt::format("table {} has {} rows, and {} were recorded", table, found.rows, written.rows));
}

Result<Metadata> Reader::Impl::all_metadata(TableSum& found) {
  constexpr std::size_t kMostKeys = 200;
  Statement rows = source.database.prepare(kSelectMetadata);
  if (!rows) return damaged(escape_terminal(source.database.message()));
  Metadata metadata;
  Budget budget(bytes);
  int result = rows.step();
  for (; result == SQLITE_ROW; result = rows.step()) {
    found.add(hash_of_row(rows));
    const Value key = rows.at(0);
    const Value value = rows.at(1);
    budget.spend(value);
    const auto name = text_of(key);
    if (!name || metadata.size() >= kMostKeys || budget.overdrawn()) return damaged("table metadata holds too much");
    auto& kept = metadata[std::string(*name)];
    if (const auto text = text_of(value)) {
      kept = std::string(*text);
    } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
      kept = *number;
    } else if (const auto* real = std::get_if<double>(&value)) {
      kept = *real;
    }
  }
  if (result != SQLITE_DONE) return damaged(escape_terminal(source.database.message()));
  return metadata;
}

// False: none of its keys is there.
template <typename Record>
Result<bool> Reader::Impl::read_record(const Metadata& metadata, Record& record) {
  const std::vector<Column>& keys = metadata_keys<Record>();
  if (std::ranges::none_of(keys, [&](const Column& key) { return metadata.contains(key.name); })) return false;
  MetadataRow row{metadata, keys};
  ColumnReader reader(row);
  reader.read(record);
  if (row.missing > 0) return damaged("table metadata lacks keys");
  if (const Wrong& wrong = reader.wrong(); wrong.what != nullptr) {
    return damaged(fmt::format("table metadata, {} {}", keys[wrong.column].name, wrong.what));
  }
  return true;
}

Result<> Reader::Impl::read_metadata() {
  TableSum found_rows;
  const Result<Metadata> metadata = all_metadata(found_rows);
  if (!metadata) return tl::unexpected(metadata.error());
  const Result<bool> has_start = read_record(*metadata, start);
  if (!has_start) return tl::unexpected(has_start.error());
  if (!*has_start) {
    return fail(ExitCode::kFailed, fmt::format("{} holds no trace", source.shown),
                "its trace was ended before it had begun");
  }
  const Result<bool> has_end = read_record(*metadata, end.emplace());
  if (!has_end) return tl::unexpected(has_end.error());
  if (!*has_end) end.reset();
  std::size_t known = column_count<model::TraceStart>() + (end ? column_count<model::TraceEnd>() : 0);
  for (const auto& [key, lost] :
       {std::pair{kLostDiskFull, &known_loss.disk_full}, std::pair{kLostSamplesThinned, &known_loss.samples_thinned}}) {
    const auto found = metadata->find(key);
    if (found == metadata->end()) continue;
    ++known;
    const auto* number = std::get_if<std::int64_t>(&found->second);
    if (number == nullptr || *number < 0) return damaged(fmt::format("table metadata, {} is not a count", key));
    *lost = static_cast<std::uint64_t>(*number);
  }
  if (metadata->size() != known) return damaged("table metadata has keys that are not known");
  if (end) {
    for (std::uint64_t model::Loss::*lost : {&model::Loss::disk_full, &model::Loss::samples_thinned}) {
      end->loss.*lost = std::max(end->loss.*lost, known_loss.*lost);
    }
  }
  if (end && end->at < start.clock.mono_at) return damaged("table metadata, end_at_ns is before the start");
  return check_rows(kMetadataTable, found_rows);
}

Result<std::unique_ptr<Reader>> Reader::open(const std::string& path) {
  Result<SourceFile> source = SourceFile::open(path);
  if (!source) return tl::unexpected(source.error());
  auto impl = std::make_unique<Impl>(std::move(*source));
  Database& database = impl->source.database;
  int calls = 0;
  ::sqlite3_progress_handler(database.get(), kInstructionsACall, count_calls, &calls);
  Result<> checked = impl->check_schema();
  if (checked) {
    calls = 0;
    impl->bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, database.number("PRAGMA page_count"))) *
                  static_cast<std::uint64_t>(std::max<std::int64_t>(0, database.number("PRAGMA page_size")));
    checked = impl->read_checksums();
    if (checked) checked = impl->read_metadata();
  }
  ::sqlite3_progress_handler(database.get(), 0, nullptr, nullptr);
  if (!checked) return tl::unexpected(checked.error());
  return std::unique_ptr<Reader>(new Reader(std::move(impl)));
}

Reader::Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reader::~Reader() = default;

const model::RecordingFile& Reader::file() const { return impl_->source.file; }
const model::TraceStart& Reader::start() const { return impl_->start; }

// --- the records ---

namespace {

// One table, at its next row.
struct Cursor {
  std::string_view table;
  Statement rows;
  std::int64_t seq = 0;
  bool at_end = false;
};

class Emitter {
 public:
  // begin, end: of the trace; without an end it was cut off.
  Emitter(const Database& database, std::uint64_t bytes, model::Sink& sink, model::MonoTime begin,
          std::optional<model::MonoTime> end)
      : database_(database), budget_(bytes), sink_(sink), begin_(begin), end_(end), last_at_(begin) {}

  // What is wrong and where; nothing: all was emitted.
  std::optional<std::string> emit_all();
  model::MonoTime last_at() const { return last_at_; }
  std::uint64_t missing() const { return missing_; }  // numbers that no record has
  const TableSums& found() const { return found_; }   // in all tables but that of the metadata

 private:
  bool advance(Cursor& cursor);
  template <typename Record>
  bool emit_record(Cursor& cursor);
  bool read_histograms(std::int64_t sample, model::EndpointSample& record);
  bool read_histogram(SparseHistogram& histogram);
  bool wrong(std::string_view table, std::int64_t seq, std::string_view what);

  const Database& database_;
  Budget budget_;
  model::Sink& sink_;
  model::MonoTime begin_;
  std::optional<model::MonoTime> end_;
  model::MonoTime last_at_;
  std::uint64_t missing_ = 0;
  TableSums found_;
  Cursor histograms_;
  std::map<model::EndpointKey, EndpointHistograms> sums_;
  std::string wrong_;
};

bool Emitter::wrong(std::string_view table, std::int64_t seq, std::string_view what) {
  wrong_ = fmt::format("table {}, seq {}: {}", table, seq, what);
  return false;
}

// To the next row. False: it is wrong.
bool Emitter::advance(Cursor& cursor) {
  const int result = cursor.rows.step();
  if (result == SQLITE_DONE) {
    cursor.at_end = true;
    return true;
  }
  if (result != SQLITE_ROW) return wrong(cursor.table, cursor.seq, escape_terminal(database_.message()));
  found_.of(cursor.table).add(hash_of_row(cursor.rows));
  const Value value = cursor.rows.at(0);
  const auto* seq = std::get_if<std::int64_t>(&value);
  const bool may_repeat = &cursor == &histograms_;  // one row a measure
  if (seq == nullptr || *seq < cursor.seq || (*seq == cursor.seq && !may_repeat) || *seq < 1) {
    return wrong(cursor.table, cursor.seq, "the next number does not rise");
  }
  cursor.seq = *seq;
  return true;
}

bool Emitter::read_histogram(SparseHistogram& histogram) {
  HistogramRow row;
  const TableRow values{histograms_.rows, budget_};
  const Value buckets = values.at(5);
  const char* what = from_value(values.at(1), row.count);
  if (what == nullptr) what = from_value(values.at(2), row.sum_us);
  if (what == nullptr) what = from_value(values.at(3), row.min_us);
  if (what == nullptr) what = from_value(values.at(4), row.max_us);
  if (what == nullptr) what = from_value(buckets, row.buckets);
  if (what == nullptr) what = add_row(row, histogram);
  return what == nullptr || wrong(kHistogramTable, histograms_.seq, what);
}

// Of EndpointSample::measures; one behind the last: there is none of that name.
std::size_t measure_index(std::string_view recorded) {
  const auto& all = model::kKernelMeasures;
  const auto found =
      std::find_if(all.begin(), all.end(), [&](model::Measure m) { return model::info_of(m).recorded == recorded; });
  return static_cast<std::size_t>(found - all.begin());
}

// What came in with this sample, added to what had come before.
bool Emitter::read_histograms(std::int64_t sample, model::EndpointSample& record) {
  EndpointHistograms& sums = sums_[record.key];
  sums.enter(record.generation);
  std::array<bool, model::kKernelMeasures.size()> seen{};
  while (!histograms_.at_end && histograms_.seq <= sample) {
    if (histograms_.seq < sample) return wrong(kHistogramTable, histograms_.seq, "there is no such sample");
    const TableRow values{histograms_.rows, budget_};
    const Value name = values.at(0);
    const std::size_t index = measure_index(text_of(name).value_or(""));
    if (index == seen.size()) return wrong(kHistogramTable, sample, "there is no such measure");
    if (std::exchange(seen[index], true)) return wrong(kHistogramTable, sample, "a measure is there twice");
    if (!read_histogram(sums.measures[index]) || !advance(histograms_)) return false;
  }
  for (std::size_t i = 0; i < model::MeasureHistograms::size(); ++i) {
    if (sums.measures[i].count > 0) record.measures[i] = sums.measures[i].full();
  }
  return true;
}

template <typename Record>
bool Emitter::emit_record(Cursor& cursor) {
  const std::vector<Column>& columns = columns_of<Record>();
  Record record{};
  TableRow row{cursor.rows, budget_};
  ColumnReader reader(row);
  reader.read(record);
  if (const Wrong& found = reader.wrong(); found.what != nullptr) {
    return wrong(cursor.table, cursor.seq, fmt::format("{} {}", columns[found.column].name, found.what));
  }
  if constexpr (std::is_same_v<Record, model::EndpointSample>) {
    if (!read_histograms(cursor.seq, record)) return false;
  }
  if (budget_.overdrawn()) return wrong(cursor.table, cursor.seq, "there is more text than the file can hold");
  if constexpr (requires { record.at; }) {
    if (record.at < begin_ || (end_ && record.at > *end_)) {
      return wrong(cursor.table, cursor.seq, "at_ns is outside the trace");
    }
    last_at_ = std::max(last_at_, record.at);
  }
  if constexpr (std::is_same_v<Record, model::Event>) {
    sink_.on_event(record);
  } else {
    sink_.on_sample(std::move(record));
  }
  return true;
}

std::optional<std::string> Emitter::emit_all() {
  using Emit = bool (Emitter::*)(Cursor&);
  struct Source {
    Cursor cursor;
    Emit emit = nullptr;
  };
  std::vector<Source> sources;
  const auto add = [&]<typename Record>(std::type_identity<Record>) {
    Statement rows = database_.prepare(select_sql(kTable<Record>, columns_of<Record>()));
    sources.push_back({{.table = kTable<Record>, .rows = std::move(rows)}, &Emitter::emit_record<Record>});
  };
  add(std::type_identity<model::Event>());
  add(std::type_identity<model::SocketSnapshot>());
  add(std::type_identity<model::EndpointSample>());
  add(std::type_identity<model::NetnsSample>());
  add(std::type_identity<model::NicSample>());
  add(std::type_identity<model::ProcessInfo>());
  add(std::type_identity<model::DnsMessage>());
  histograms_ = {.table = kHistogramTable, .rows = database_.prepare(kSelectHistograms)};
  std::vector<Cursor*> cursors{&histograms_};
  for (Source& source : sources) cursors.push_back(&source.cursor);
  for (Cursor* cursor : cursors) {
    if (!cursor->rows) return escape_terminal(database_.message());
    if (!advance(*cursor)) return wrong_;
  }
  for (std::int64_t emitted = 0;;) {
    const auto next = std::ranges::min_element(sources, {}, [](const Source& source) {
      return source.cursor.at_end ? std::numeric_limits<std::int64_t>::max() : source.cursor.seq;
    });
    if (next->cursor.at_end) break;
    if (next->cursor.seq <= emitted) {
      wrong(next->cursor.table, next->cursor.seq, "another record has this number");
      return wrong_;
    }
    missing_ += static_cast<std::uint64_t>(next->cursor.seq - emitted) - 1;
    emitted = next->cursor.seq;
    if (!(this->*next->emit)(next->cursor) || !advance(next->cursor)) return wrong_;
  }
  if (!histograms_.at_end) wrong(kHistogramTable, histograms_.seq, "there is no such sample");
  return wrong_.empty() ? std::nullopt : std::optional(wrong_);
}

}  // namespace

Result<> Reader::replay(model::Sink& sink) {
  Impl& impl = *impl_;
  sink.on_sample(impl.start);
  Emitter emitter(impl.source.database, impl.bytes, sink, impl.start.clock.mono_at,
                  impl.end ? std::optional(impl.end->at) : std::nullopt);
  if (const std::optional<std::string> wrong = emitter.emit_all()) return impl.damaged(*wrong);
  for (const std::string_view table : TableSums::kTables) {
    if (table == kMetadataTable) continue;
    if (const Result<> checked = impl.check_rows(table, emitter.found().of(table)); !checked) return checked;
  }
  const std::uint64_t counted = impl.known_loss.disk_full + impl.known_loss.samples_thinned;
  if (emitter.missing() > counted) {
    return impl.damaged(fmt::format("{} records are missing, and {} were counted as lost", emitter.missing(), counted));
  }
  if (impl.end) {
    sink.on_sample(*impl.end);
    return {};
  }
  model::TraceEnd cut_off;
  cut_off.at = emitter.last_at();
  cut_off.ended_by = model::EndedBy::kError;
  cut_off.partial = true;
  cut_off.loss = impl.known_loss;
  sink.on_sample(cut_off);
  return {};
}

}  // namespace tcpdiag::recording
