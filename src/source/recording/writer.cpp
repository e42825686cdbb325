// SPDX-License-Identifier: Apache-2.0
#include "source/recording/writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>
#include <variant>
#include <vector>

#include "source/recording/sha256.h"
#include "source/recording/writer_impl.h"
#include "util/format.h"
#include "util/io.h"

namespace tcpdiag::recording {
namespace {

// Held back inside the file for the end of the trace, should the disk be full by then.
constexpr int kReserveBytes = 64 * 1024;

// For the beginning of the trace and some records: with less, a recording is not begun.
constexpr std::uint64_t kLeastRoomBytes = 128 * 1024;
constexpr const char* kMakeRoom = "make room, or choose another file system with -w";

// The journal stays open and keeps its disk space (PERSIST, up to the limit); nothing but a commit writes to the
// file (cache_spill); SQLite's own temporary files are in memory. synchronous: see writer.h.
constexpr const char* kSettings =
    "PRAGMA page_size=4096;"
    "PRAGMA auto_vacuum=NONE;"
    "PRAGMA encoding='UTF-8';"
    "PRAGMA locking_mode=EXCLUSIVE;"
    "PRAGMA journal_mode=PERSIST;"
    "PRAGMA journal_size_limit=1048576;"
    "PRAGMA synchronous=OFF;"
    "PRAGMA cache_spill=OFF;"
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA mmap_size=0;"
    "PRAGMA secure_delete=OFF;";

// The errno behind SQLite's last error, 0: none. SQLite itself does not keep it where a COMMIT fails.
int failed_with(const Database& database) {
  const int left = errno;
  if (!database) return 0;
  switch (database.error_code()) {
    case SQLITE_FULL:
      return ENOSPC;
    case SQLITE_IOERR:
      return database.system_error() != 0 ? database.system_error() : left;
    case SQLITE_CANTOPEN:
      return database.system_error();
    default:
      return 0;
  }
}

bool means_full(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

std::uint64_t hash_of_metadata(std::string_view key, const Value& value) {
  RowHash hash;
  hash.add(key);
  hash.add(value);
  return hash.value();
}

template <typename Inserts>
bool prepare_inserts(const Database& database, Inserts& inserts) {
  const auto prepare = [&database]<typename Insert>(Insert& insert) {
    using Record = typename Insert::Of;
    insert.statement = database.prepare(insert_sql(kTable<Record>, columns_of<Record>()));
    return bool(insert.statement);
  };
  return std::apply([&](auto&... insert) { return (prepare(insert) && ...); }, inserts);
}

}  // namespace

// --- creation ---

Result<> Writer::Impl::cannot_write() {
  const int error = failed_with(database);
  const std::string why = error != 0 ? errno_text(error) : database ? database.message() : "out of memory";
  return fail(ExitCode::kUsage, fmt::format("cannot write '{}': {}", file.shown(), why),
              cure_of(error, means_full(error) ? kMakeRoom : "choose another file with -w"));
}

Result<> Writer::Impl::open_database() {
  if (database.open(file.full_path(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX |
                                          SQLITE_OPEN_PRIVATECACHE) != SQLITE_OK) {
    return cannot_write();
  }
  // SQLite opens by name: what it has opened is what lies there, and that is the file that was created here.
  if (database.file_has_moved() || !file.is_in_place()) {
    return fail(ExitCode::kUsage, fmt::format("'{}' was replaced while it was created", file.shown()),
                "choose a directory that only this user may write to");
  }
  return {};
}

Result<> Writer::Impl::make_tables() {
  std::string sql = kSettings;
  sql += fmt::format("BEGIN IMMEDIATE;PRAGMA application_id={};PRAGMA user_version={};", kApplicationId, kUserVersion);
  for (const TableSql& table : all_tables()) sql += table.create + ";";
  for (const std::string_view table : TableSums::kTables) {
    sql += fmt::format("INSERT INTO {} VALUES('{}',0,0);", kChecksumTable, table);
  }
  sql += fmt::format("INSERT INTO {} VALUES(zeroblob({}));COMMIT;", kReserveTable, kReserveBytes);
  // Writing the reserve once more gives the journal as much disk space as its release will need.
  sql += fmt::format("UPDATE {} SET space=zeroblob({});", kReserveTable, kReserveBytes);
  if (database.run(sql.c_str()) != SQLITE_OK) return cannot_write();
  if (!file.adopt_journal() || !file.is_in_place()) {
    return fail(ExitCode::kUsage, fmt::format("'{}-journal' is not what was created here", file.shown()),
                "choose a directory that only this user may write to");
  }
  insert_histogram = database.prepare(kInsertHistogram);
  insert_metadata = database.prepare(kInsertMetadata);
  insert_checksum = database.prepare(kInsertChecksum);
  release_reserve = database.prepare(fmt::format("DELETE FROM {}", kReserveTable));
  begin_transaction = database.prepare("BEGIN IMMEDIATE");
  commit_transaction = database.prepare("COMMIT");
  roll_back_transaction = database.prepare("ROLLBACK");
  if (max_bytes) {
    const std::int64_t page = database.number("PRAGMA page_size");
    max_bytes = std::max(*max_bytes, kLeastBytes);
    const std::uint64_t pages = *max_bytes / static_cast<std::uint64_t>(page);
    if (database.run(fmt::format("PRAGMA max_page_count={}", pages).c_str()) != SQLITE_OK) return cannot_write();
    thinner = Thinner::prepare(database);
  }
  measure_room();
  const bool all = insert_histogram && insert_metadata && insert_checksum && release_reserve && begin_transaction &&
                   commit_transaction && roll_back_transaction && prepare_inserts(database, inserts) &&
                   thinner.has_value() == max_bytes.has_value();
  if (!all) return cannot_write();
  if (!fits_on_disk(kLeastRoomBytes)) {
    return fail(ExitCode::kUsage, fmt::format("cannot write '{}': the disk is full", file.shown()), kMakeRoom);
  }
  return {};
}

Result<std::unique_ptr<Writer>> Writer::create(const WriterOptions& options) {
  Result<NewFile> file = NewFile::create(options.path, options.force);
  if (!file) return tl::unexpected(file.error());
  std::unique_ptr<Writer> writer(new Writer(std::make_unique<Impl>(options, std::move(*file))));
  Result<> made = writer->impl_->open_database();
  if (made) made = writer->impl_->make_tables();
  if (!made) {
    writer->impl_->file.adopt_journal();
    writer->discard();
    return tl::unexpected(made.error());
  }
  return writer;
}

Writer::Writer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Writer::~Writer() {
  if (impl_->database) {
    impl_->close();
    impl_->file.remove_journal();
  }
}

// --- records ---

void Writer::on_event(const model::Event& event) { impl_->write(event); }

void Writer::on_sample(const model::Sample& sample) {
  std::visit([this](const auto& one) { impl_->write(one); }, sample);
}

void Writer::Impl::write(const model::TraceStart& record) {
  if (!start) start = record;
}

void Writer::Impl::write(const model::TraceEnd& record) {
  if (!wants_records()) return;
  commit();
  failed = false;
  end = record;
  commit();
}

namespace {

// What a value takes in the file, at most: SQLite's record format (https://www.sqlite.org/fileformat2.html, 2.1).
std::uint64_t bytes_of(const Value& value) {
  if (const auto text = text_of(value)) return text->size() + 3;
  if (std::holds_alternative<std::monostate>(value)) return 1;
  const auto* number = std::get_if<std::int64_t>(&value);
  return number != nullptr && (*number == 0 || *number == 1) ? 1 : 9;
}

// A row that does not fit into its page takes whole pages besides.
std::uint64_t with_overhead(std::uint64_t row_bytes) {
  constexpr std::uint64_t kOwnPage = 900;  // a row of `histograms` from here on
  return row_bytes + row_bytes / 8 + 16 + (row_bytes > kOwnPage ? 4096 : 0);
}

struct Bound {
  std::uint64_t bytes = 0;  // in the file, at most
  std::uint64_t hash = 0;
};

template <typename Record>
Bound bind_record(Statement& statement, std::int64_t seq, const Record& record) {
  std::uint64_t bytes = 0;
  int parameter = 0;
  RowHash hash;
  const auto put = [&](const Value& value) {
    statement.bind(++parameter, value);
    bytes += bytes_of(value);
    hash.add(value);
  };
  put(seq);
  write_columns(record, put);
  return {with_overhead(bytes), hash.value()};
}

}  // namespace

template <typename Record>
void Writer::Impl::write(const Record& record) {
  if (!wants_records()) return;
  constexpr bool kIsSample = std::is_same_v<Record, model::NetnsSample> || std::is_same_v<Record, model::NicSample>;
  Statement& insert = std::get<Insert<Record>>(inserts).statement;
  const auto [bytes, hash] = bind_record(insert, seq + 1, record);
  if (!has_room_for(bytes, kIsSample) || !begin()) {
    ++disk_full;
    return;
  }
  if (insert.run() != SQLITE_OK) return roll_back(1);
  written.sums.of(kTable<Record>).add(hash);
  ++seq;
  ++open_records;
  open_bytes += bytes;
  commit_if_long();
}

void Writer::Impl::write(const model::EndpointSample& sample) {
  if (!wants_records()) return;
  decltype(EndpointHistograms::measures) now;
  for (std::size_t i = 0; i < now.size(); ++i) now[i] = SparseHistogram::of(sample.measures[i]);
  std::uint64_t histogram_bytes = 0;  // at most: of rows with all buckets
  for (const SparseHistogram& histogram : now) {
    constexpr std::uint64_t kFixed = 60;  // the other columns
    constexpr std::uint64_t kBucket = 32;
    if (!histogram.buckets.empty()) histogram_bytes += with_overhead(kFixed + kBucket * histogram.buckets.size());
  }
  Statement& insert = std::get<Insert<model::EndpointSample>>(inserts).statement;
  const auto [sample_bytes, hash] = bind_record(insert, seq + 1, sample);
  const std::uint64_t bytes = sample_bytes + histogram_bytes;
  if (!has_room_for(bytes, true) || !begin()) {
    ++disk_full;
    return;
  }
  if (insert.run() != SQLITE_OK) return roll_back(1);
  written.sums.of(kEndpointTable).add(hash);
  ++seq;
  EndpointHistograms& before = stored[sample.key];
  stored_before.try_emplace(sample.key, before);
  before.enter(sample.generation);
  for (std::size_t i = 0; i < now.size(); ++i) {
    const std::optional<HistogramRow> row = row_between(before.measures[i], now[i]);
    if (row && !write_histogram(model::info_of(model::kKernelMeasures[i]).recorded, *row)) return roll_back(1);
  }
  before.measures = std::move(now);
  all_is_thinned = false;
  ++open_records;
  open_bytes += bytes;
  commit_if_long();
}

bool Writer::Impl::write_histogram(std::string_view measure, const HistogramRow& row) {
  RowHash hash;
  int parameter = 0;
  for_each_value(seq, measure, row, [&](const Value& value) {
    insert_histogram.bind(++parameter, value);
    hash.add(value);
  });
  if (insert_histogram.run() != SQLITE_OK) return false;
  written.sums.of(kHistogramTable).add(hash.value());
  return true;
}

template <typename Record>
bool Writer::Impl::write_metadata(const Record& record) {
  bool ok = true;
  auto key = metadata_keys<Record>().begin();
  const auto put = [&](const Value& value) { ok = ok && write_metadata((key++)->name, value); };
  write_columns(record, put);
  return ok;
}

bool Writer::Impl::write_metadata(std::string_view key, const Value& value) {
  open_bytes += with_overhead(key.size() + bytes_of(value));
  insert_metadata.bind(1, key);
  insert_metadata.bind(2, value);
  if (insert_metadata.run() != SQLITE_OK) return false;
  written.sums.of(kMetadataTable).add(hash_of_metadata(key, value));
  return true;
}

// --- transactions ---

bool Writer::Impl::begin() {
  if (failed) return false;
  if (database.in_transaction()) return true;
  if (begin_transaction.run() != SQLITE_OK) {
    roll_back(0);
    return false;
  }
  if (written.start || !start) return true;
  written.start = write_metadata(*start);
  if (!written.start) roll_back(0);
  return written.start;
}

bool Writer::Impl::write_end() {
  if (!end || written.end) return true;
  // What it frees is for what follows: first of all the page that a row of its own may need.
  written.end = release_reserve.run() == SQLITE_OK && write_metadata(*end);
  return written.end;
}

// `before`: what the key says so far; 0: it is not there.
bool Writer::Impl::write_loss(std::string_view key, std::uint64_t& before, std::uint64_t now) {
  if (before == now) return true;
  if (before != 0) written.sums.of(kMetadataTable).remove(hash_of_metadata(key, to_value(before)));
  before = now;
  return write_metadata(key, to_value(now));
}

bool Writer::Impl::write_checksums() {
  for (const std::string_view table : TableSums::kTables) {
    const TableSum& sum = written.sums.of(table);
    if (sum == committed.sums.of(table)) continue;
    insert_checksum.bind(1, table);
    insert_checksum.bind(2, sum.rows);
    insert_checksum.bind(3, to_value(sum.checksum));
    if (insert_checksum.run() != SQLITE_OK) return false;
  }
  return true;
}

bool Writer::Impl::conclude() {
  if (!write_loss(kLostDiskFull, written.disk_full, disk_full) ||
      !write_loss(kLostSamplesThinned, written.samples_thinned, samples_thinned) || !write_checksums() ||
      commit_transaction.run() != SQLITE_OK) {
    return false;
  }
  committed = written;
  return true;
}

bool Writer::Impl::commit() {
  const bool is_due = database.in_transaction() || written.start != start.has_value() ||
                      written.end != end.has_value() || written.disk_full != disk_full ||
                      written.samples_thinned != samples_thinned;
  if (!is_due) return true;
  if (!begin()) return false;
  if (!write_end() || !conclude()) {
    roll_back(0);
    return false;
  }
  stored_before.clear();
  open_records = 0;
  open_bytes = 0;
  measure_room();
  return true;
}

void Writer::Impl::roll_back(std::uint64_t records_besides) {
  note_gaps(failed_with(database));
  // SQLite may have done so by itself.
  if (database.in_transaction()) roll_back_transaction.run();
  disk_full += open_records + records_besides;
  open_records = 0;
  open_bytes = 0;
  written = committed;
  for (auto& [key, histograms] : stored_before) stored[key] = std::move(histograms);
  stored_before.clear();
  failed = true;
}

// A second may bring much, and a transaction is in memory until it is committed.
void Writer::Impl::commit_if_long() {
  constexpr std::uint64_t kRecords = 50'000;
  constexpr std::uint64_t kBytes = 16 * 1024 * 1024;
  if (open_records >= kRecords || open_bytes >= kBytes) commit();
}

void Writer::commit() {
  Impl& impl = *impl_;
  if (!impl.database) return;
  impl.failed = false;
  constexpr int kBatchesACommit = 8;
  if (impl.commit() && impl.max_bytes) impl.thin(impl.share(8), kBatchesACommit);
  impl.failed = false;  // the next second is tried anew
  impl.disk_is_full = false;
  if (impl.file.is_removed()) impl.note_problem(impl.removed(), "what is recorded now is lost: start anew");
}

// --- the bounds of the file's size: the disk's and --max-size ---

bool Writer::Impl::has_room_for(std::uint64_t bytes, bool is_sample) {
  return fits_in_size(bytes, is_sample) && fits_on_disk(bytes);
}

// Decided for each record, since a commit that finds the disk full loses all of them.
bool Writer::Impl::fits_on_disk(std::uint64_t bytes) {
  const auto fits = [&] { return used + open_bytes + bytes <= reserved; };
  while (!fits()) {
    if (reserve_more()) continue;
    // What was counted at most may have taken less.
    return open_records > 0 && commit() && fits();
  }
  return true;
}

// Blocks beyond the file's end (FALLOC_FL_KEEP_SIZE), which its growth then uses. finish() gives back what is left.
bool Writer::Impl::reserve_more() {
  constexpr std::uint64_t kMost = 1024 * 1024;
  constexpr std::uint64_t kLeast = 16 * 1024;
  if (disk_is_full) return false;
  int error = 0;
  for (std::uint64_t bytes = kMost; bytes >= kLeast; bytes /= 2) {
    if (::fallocate(file.fd(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(reserved), static_cast<off_t>(bytes)) == 0) {
      reserved += bytes;
      return true;
    }
    error = errno;
    if (!means_full(error)) {  // the file system cannot: a commit will find out
      reserved = std::numeric_limits<std::uint64_t>::max();
      return true;
    }
  }
  disk_is_full = true;
  note_gaps(error);
  return false;
}

// A sixteenth is left to samples: they can be thinned for ever, events never.
bool Writer::Impl::fits_in_size(std::uint64_t bytes, bool is_sample) {
  if (!max_bytes) return true;
  const std::uint64_t held_back = is_sample ? 0 : share(16);
  const auto fits = [&] { return open_bytes + bytes + held_back <= room; };
  if (fits()) return true;
  if (failed) return false;
  if (!all_is_thinned || open_records > 0) {
    if (!commit()) return false;
    if (!fits()) thin(bytes + held_back, std::numeric_limits<int>::max());
    if (fits()) return true;
  }
  note_problem(fmt::format("the recording '{}' has reached its size of {} and has gaps from here on", file.shown(),
                           size_in_words(*max_bytes)),
               "give more with --max-size");
  return false;
}

void Writer::Impl::measure_room() {
  const auto number = [this](const char* sql) { return static_cast<std::uint64_t>(database.number(sql)); };
  const std::uint64_t page = number("PRAGMA page_size");
  const std::uint64_t margin = 2 * all_tables().size() * page;  // the last page of each table, and one above it
  used = (number("PRAGMA page_count") - number("PRAGMA freelist_count")) * page + margin;
  if (max_bytes) room = *max_bytes > used ? *max_bytes - used : 0;
}

void Writer::Impl::thin(std::uint64_t wanted_bytes, int batches) {
  std::uint64_t taken_out_in_pass = 0;
  bool whole_pass = false;  // began here
  for (; batches > 0 && room < wanted_bytes && !all_is_thinned; --batches) {
    if (!begin()) return;
    const std::uint64_t thinned_before = samples_thinned;
    const auto batch = thinner->thin_batch(written.sums);
    if (batch) samples_thinned += batch->taken_out;
    if (!batch || !conclude()) {
      samples_thinned = thinned_before;
      thinner->restart();
      roll_back(0);
      return;
    }
    taken_out_in_pass += batch->taken_out;
    if (thinner->passed()) {
      all_is_thinned = whole_pass && taken_out_in_pass == 0;
      whole_pass = true;
      taken_out_in_pass = 0;
    }
    measure_room();
  }
}

// --- problems, and the end ---

void Writer::Impl::note_problem(std::string what, std::string hint) {
  problem.note({std::move(what), std::move(hint), ExitCode::kFailed});
}

void Writer::Impl::note_gaps(int error) {
  const std::string why = error != 0 ? errno_text(error) : database.message();
  note_problem(fmt::format("the recording '{}' has gaps from here on: {}", file.shown(), why),
               cure_of(error, "make room") + ", and it goes on");
}

std::string Writer::Impl::removed() const {
  return fmt::format("the recording '{}' was removed or replaced while it was written", file.shown());
}

std::uint64_t Writer::disk_full() const { return impl_->disk_full; }
std::uint64_t Writer::samples_thinned() const { return impl_->samples_thinned; }
std::optional<Error> Writer::take_problem() { return impl_->problem.take(); }

void Writer::Impl::close() {
  inserts = decltype(inserts)();
  for (Statement* statement : {&insert_histogram, &insert_metadata, &insert_checksum, &release_reserve,
                               &begin_transaction, &commit_transaction, &roll_back_transaction}) {
    *statement = Statement();
  }
  thinner.reset();
  database.close();
}

const std::string& Writer::recording_id() const {
  static const std::string kNone;
  return impl_->start ? impl_->start->recording_id : kNone;
}

int Writer::directory() const { return impl_->file.directory(); }

Result<model::RecordingFile> Writer::finish() {
  Impl& impl = *impl_;
  if (!impl.database) return fail(ExitCode::kFailed, "the recording is closed");
  impl.failed = false;
  const bool complete = impl.commit() && impl.written.end;
  const bool removed = impl.file.is_removed();
  impl.close();
  impl.file.release_reserved();
  const int synchronised = ::fsync(impl.file.fd()) == 0 || errno == EINVAL || errno == EROFS ? 0 : errno;
  impl.file.remove_journal();
  impl.file.finished();
  if (removed) return fail(ExitCode::kFailed, impl.removed(), "it is lost");
  if (!complete) {
    return fail(ExitCode::kFailed, fmt::format("the recording '{}' lacks the end of the trace", impl.file.shown()),
                "what it has can be read");
  }
  if (synchronised != 0) {
    return fail(ExitCode::kFailed, fmt::format("cannot write '{}': {}", impl.file.shown(), errno_text(synchronised)));
  }
  const Result<std::string> digest = sha256_of(impl.file.fd());
  if (!digest) return tl::unexpected(digest.error());
  struct stat status {};
  if (::fstat(impl.file.fd(), &status) != 0) {
    return fail(ExitCode::kFailed, fmt::format("cannot read '{}': {}", impl.file.shown(), errno_text(errno)));
  }
  return model::RecordingFile{*digest, static_cast<std::uint64_t>(status.st_size)};
}

void Writer::discard() {
  Impl& impl = *impl_;
  impl.close();
  impl.file.remove_journal();
  impl.file.remove();
}

}  // namespace tcpdiag::recording
