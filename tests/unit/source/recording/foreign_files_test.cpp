// SPDX-License-Identifier: Apache-2.0
// Files that are no recordings, or were made to look like one.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/recording/private_copy.h"
#include "source/recording/schema.h"
#include "unit/source/recording/recording_case.h"

namespace tcpdiag::recording::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ForeignFile : public RecordingCase {
 protected:
  void change(const std::string& sql) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(::sqlite3_open(path().c_str(), &database), SQLITE_OK);
    char* message = nullptr;
    EXPECT_EQ(::sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << sql << ": " << message;
    ::sqlite3_free(message);
    ::sqlite3_close(database);
  }
  // What is read of a realistic recording after this.
  std::string error_after(const std::string& sql) const {
    write_realistic(path(), 3);
    change(sql);
    return error_of(path());
  }
  Error open_error(const std::string& file) const {
    const auto reader = Reader::open(file);
    if (reader) ADD_FAILURE() << file << " was opened";
    return reader ? Error{} : reader.error();
  }
};

TEST_F(ForeignFile, what_is_not_a_recording_is_reported_so) {
  write_file(path("text"), std::string(1000, 'x'));
  write_file(path("short"), "SQLite format 3");
  write_file(path("pcap"), "\xd4\xc3\xb2\xa1" + std::string(200, '\0'));
  for (const char* name : {"text", "short", "pcap"}) {
    const Error error = open_error(path(name));
    EXPECT_THAT(error.what, HasSubstr("is not a recording of tcpdiag")) << name;
    EXPECT_THAT(error.hint, HasSubstr("-w FILE"));
    EXPECT_EQ(error.exit_code, ExitCode::kFailed);
  }
  change("CREATE TABLE events(seq INTEGER PRIMARY KEY)");  // another program's database
  EXPECT_THAT(open_error(path()).what, HasSubstr("is not a recording of tcpdiag"));
}

TEST_F(ForeignFile, what_cannot_be_opened_is_wrong_use) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  for (const auto& [name, what] : std::vector<std::pair<std::string, std::string>>{
           {path("none"), "No such file"},
           {path("pipe"), "is not a regular file"},  // and it does not wait for a writer
           {"/dev/zero", "is not a regular file"},
           {directory().string(), "is a directory"}}) {
    const Error error = open_error(name);
    EXPECT_THAT(error.what, HasSubstr(what)) << name;
    EXPECT_EQ(error.exit_code, ExitCode::kUsage) << name;
  }
}

TEST_F(ForeignFile, other_format_names_the_hint) {
  write_realistic(path(), 1);
  change("PRAGMA user_version=4");
  Error error = open_error(path());
  EXPECT_THAT(error.what, HasSubstr("made by a newer tcpdiag (its format is 4, this program reads 3)"));
  EXPECT_THAT(error.hint, HasSubstr("version that made it"));
  change("PRAGMA user_version=1");
  error = open_error(path());
  EXPECT_THAT(error.what, HasSubstr("made by an older tcpdiag (its format is 1, this program reads 3)"));
  EXPECT_THAT(error.hint, HasSubstr("version that made it"));
}

TEST_F(ForeignFile, recording_is_read_through_a_symbolic_link_and_without_permission_to_write) {
  const auto emitted = write_realistic(path("real"), 2);
  fs::create_symlink(path("real"), path("link"));
  fs::permissions(path("real"), fs::perms::owner_read);
  fs::permissions(directory(), fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_EQ(difference(emitted, records_of(path("link"))), "");
  fs::permissions(directory(), fs::perms::owner_all);
  EXPECT_THAT(names(), ElementsAre("link", "real"));
}

// Standard input is a file.
class Input {
 public:
  explicit Input(const std::string& path) : own_(::dup(STDIN_FILENO)), file_(::open(path.c_str(), O_RDONLY)) {
    ::dup2(file_.get(), STDIN_FILENO);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input() { ::dup2(own_.get(), STDIN_FILENO); }
  off_t taken() const { return ::lseek(file_.get(), 0, SEEK_CUR); }

 private:
  Fd own_;
  Fd file_;
};

TEST_F(ForeignFile, standard_input_gives_the_same) {
  const auto emitted = write_realistic(path(), 2);
  const Input input(path());
  EXPECT_EQ(difference(emitted, records_of("-")), "");
}

TEST_F(ForeignFile, standard_input_may_hold_anything) {
  write_file(path("short"), "hello");
  EXPECT_THAT((Input(path("short")), open_error("-").what), HasSubstr("standard input is not a recording"));
  EXPECT_THAT((Input("/dev/null"), open_error("-").what), HasSubstr("standard input is empty"));
  write_file(path("other"), std::string(1'000'000, '\0'));
  const Input other(path("other"));
  EXPECT_THAT(open_error("-").what, HasSubstr("standard input is not a recording"));
  EXPECT_EQ(other.taken(), 100) << "the header says that it need not be copied";
}

TEST_F(ForeignFile, standard_input_is_read_to_the_end_of_the_recording) {
  write_realistic(path(), 2);
  const std::string whole = bytes_of_file(path());
  write_file(path("longer"), whole + std::string(10'000'000, '\0'));
  {
    const Input longer(path("longer"));
    EXPECT_THAT(open_error("-").what, HasSubstr("standard input goes on where the recording in it ends"));
    EXPECT_LT(longer.taken(), 1'000'000);
  }
  write_file(path("cut"), whole.substr(0, 50'000));
  const Input cut(path("cut"));
  EXPECT_THAT(open_error("-").what, HasSubstr("is cut off, 50000 of"));
}

// Neither a name while it is copied, nor anything afterwards; a signal waits until the name is gone.
TEST_F(ForeignFile, copy_leaves_nothing_behind) {
  write_realistic(path(), 2);
  ASSERT_TRUE(fs::create_directory(path("temporary")));
  const char* const before = ::getenv("TMPDIR");
  const std::string restored = before != nullptr ? before : "/tmp";
  ::setenv("TMPDIR", path("temporary").c_str(), 1);
  {
    const Fd file(::open(path().c_str(), O_RDONLY));
    Result<Fd> copy = copy_without_name(file.get(), {}, fs::file_size(path()), "it", "is too long");
    ASSERT_TRUE(copy);
    EXPECT_TRUE(fs::is_empty(path("temporary")));
    const auto named = NamedCopies::make();
    ASSERT_TRUE(named);
    ASSERT_TRUE(NamedCopies::give_name(std::move(*copy), named->path()));
    EXPECT_EQ(bytes_of_file(named->path()), bytes_of_file(path()));
    // Where the file system knows none without a name, it had one.
    write_file(path("unlinked"), "journal");
    Fd unlinked(::open(path("unlinked").c_str(), O_RDONLY));
    fs::remove(path("unlinked"));
    ASSERT_TRUE(NamedCopies::give_name(std::move(unlinked), named->journal_path()));
    EXPECT_EQ(bytes_of_file(named->journal_path()), "journal");
    sigset_t blocked;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    EXPECT_EQ(::sigismember(&blocked, SIGTERM), 1);
  }
  sigset_t blocked;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  EXPECT_EQ(::sigismember(&blocked, SIGTERM), 0);
  const Input input(path());
  EXPECT_EQ(error_of("-"), "");
  EXPECT_TRUE(fs::is_empty(path("temporary")));
  ::setenv("TMPDIR", restored.c_str(), 1);
}

// --- made to look like one ---

TEST_F(ForeignFile, any_other_schema_is_refused) {
  for (const char* sql : {
           "CREATE TABLE more(x)",
           "CREATE INDEX by_time ON events(at_ns)",
           "CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM events; END",
           "CREATE VIRTUAL TABLE v USING fts5(x)",
           "CREATE VIEW v AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x FROM c",
           "DROP TABLE processes",
           "ALTER TABLE processes ADD COLUMN more INTEGER",
           "ALTER TABLE processes RENAME COLUMN comm TO name",
           // an endless view under the name of a table
           "DROP TABLE processes; CREATE VIEW processes AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM "
           "c) SELECT x AS seq,x AS pid,x AS comm,x AS cgroup_id,x AS cgroup_path FROM c",
       }) {
    EXPECT_THAT(error_after(sql), HasSubstr("is not a recording of tcpdiag: its tables are others")) << sql;
  }
}

TEST_F(ForeignFile, schema_that_is_nonsense_is_an_error) {
  for (const char* sql : {
           "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql='CREATE TABLE events(((' WHERE name='events'",
           "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage=2 WHERE type='table'",
           "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage=99999999 WHERE name='events'",
           "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET type='view',rootpage=0 WHERE name='events'",
           "PRAGMA writable_schema=ON; DELETE FROM sqlite_schema",
           "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql='CREATE TABLE events(x CHECK(' || "
           "replace(hex(zeroblob(20000)),'00','(') || '1' || replace(hex(zeroblob(20000)),'00',')') || '))' WHERE "
           "name='events'",
       }) {
    EXPECT_NE(error_after(sql), "") << sql;
  }
}

TEST_F(ForeignFile, endless_schema_ends) {
  write_realistic(path(), 1);
  std::string sql = "BEGIN;";
  for (int i = 0; i < 3000; ++i) sql += "CREATE TABLE t" + std::to_string(i) + "(x);";
  change(sql + "COMMIT");
  EXPECT_NE(error_of(path()), "");
}

struct Damage {
  const char* sql;
  const char* says;
};

TEST_F(ForeignFile, every_value_is_checked) {
  for (const Damage& damage : std::vector<Damage>{
           {"UPDATE events SET kind='explosion' WHERE seq=3", "table events, seq 3: kind is not a kind of event"},
           {"UPDATE events SET flow_state='maybe'", "flow_state is not one of the allowed words"},
           {"UPDATE events SET socket_local_port=65536", "socket_local_port is out of range"},
           {"UPDATE events SET socket_local_port=-1", "socket_local_port is out of range"},
           {"UPDATE events SET socket_local_port=1.5", "socket_local_port is not an integer"},
           {"UPDATE events SET flow_outstanding=2", "flow_outstanding is out of range"},
           {"UPDATE events SET flow_mss=4294967296", "flow_mss is out of range"},
           {"UPDATE events SET socket_remote_address='example.org'", "socket_remote_address is not an address"},
           {"UPDATE events SET socket_remote_address=x'00'", "socket_remote_address is not an address"},
           {"UPDATE events SET at_ns=9223372036854775807", "at_ns is out of range"},
           {"UPDATE events SET flow_opened_at_ns=-9223372036854775808", "flow_opened_at_ns is out of range"},
           {"UPDATE events SET flow_app_gap_ns=9223372036854775807", "flow_app_gap_ns is out of range"},
           {"UPDATE events SET owner_comm=7", ""},  // has TEXT affinity: '7'
           {"UPDATE events SET owner_source=NULL", "owner_source is not one of the allowed words"},
           {"UPDATE events SET seq=-5 WHERE seq=3", "the next number does not rise"},
           {"UPDATE events SET seq=(SELECT min(seq) FROM sample_netns) WHERE seq=(SELECT max(seq) FROM events)",
            "another record has this number"},
           {"UPDATE sample_netns SET counters='{'", "counters is not JSON"},
           {"UPDATE sample_netns SET counters='[1,2]'", "counters is not a map"},
           {"UPDATE sample_netns SET counters='{\"a\":\"b\"}'", "counters is not an integer"},
           {"UPDATE sample_netns SET counters='{\"a\":1e300}'", "counters is not an integer"},
           {"UPDATE sample_netns SET full_listeners='[{}]'", "full_listeners lacks a key"},
           {"UPDATE sample_netns SET full_listeners='[[]]'", "full_listeners holds something else than objects"},
           {"UPDATE histograms SET measure='luck' WHERE measure='rtt'", "there is no such measure"},
           {"UPDATE histograms SET sample_seq=1", ""},  // refused by SQLite: twice the same key
           {"DELETE FROM sample_endpoints", "there is no such sample"},
           {"UPDATE histograms SET buckets='{\"17\":3}'", "has buckets that are none"},
           {"UPDATE histograms SET buckets='{\"16\":0}'", "has buckets that are none"},
           {"UPDATE histograms SET buckets='{\"16\":1,\"16\":1}'", "has buckets that are none"},
           {"UPDATE histograms SET buckets='{\"16\":18446744073709551615,\"18\":18446744073709551615}'",
            "has buckets that are none"},
           {"UPDATE histograms SET count=-5,buckets='{\"16\":-5}'", "adds up to less than nothing"},
           {"UPDATE histograms SET count=9223372036854775807,min_us=16,max_us=16,sum_us=9223372036854775807,"
            "buckets='{\"16\":9223372036854775807}'",
            "has a sum, a min or a max that its buckets cannot have"},
           {"UPDATE histograms SET sum_us=-5", "has a sum, a min or a max that its buckets cannot have"},
           {"UPDATE histograms SET sum_us=sum_us/2+1", "has a sum, a min or a max that its buckets cannot have"},
           {"UPDATE histograms SET min_us=min_us/2", "has a sum, a min or a max that its buckets cannot have"},
           {"UPDATE histograms SET max_us=max_us*2", "has a sum, a min or a max that its buckets cannot have"},
           {"UPDATE sample_endpoints SET zero_window_sent_us=9300000000000000",
            "table sample_endpoints, seq 7: zero_window_sent_us is longer than any trace"},
           {"UPDATE sample_endpoints SET survived_silence_us=-1", "survived_silence_us is longer than any trace"},
           {"UPDATE events SET at_ns=at_ns-60000000000 WHERE seq=3", "table events, seq 3: at_ns is outside the trace"},
           {"UPDATE sample_netns SET at_ns=at_ns+60000000000", "at_ns is outside the trace"},
           {"UPDATE metadata SET value=value-60000000000 WHERE key='end_at_ns'", "end_at_ns is before the start"},
           {"DELETE FROM events WHERE seq IN(3,4)", "2 records are missing, and 0 were counted as lost"},
           {"DELETE FROM events WHERE seq IN(3,4);INSERT INTO metadata VALUES('lost_disk_full',2)", ""},
           {"UPDATE histograms SET buckets='{\"99999999999999999999\":1}'", "has buckets that are none"},
           {"UPDATE histograms SET buckets='{'", "has buckets that are none"},
           {"UPDATE histograms SET count=count+1", "has another count than its buckets"},
           {"UPDATE histograms SET min_us=max_us+1 WHERE count>0", "has a min above its max"},
           {"UPDATE histograms SET min_us=NULL", "has no fitting min and max"},
           {"UPDATE metadata SET value='x' WHERE key='start_host_cpus'", "start_host_cpus is not an integer"},
           {"UPDATE metadata SET value=-1 WHERE key='start_host_cpus'", "number of CPUs that no host has"},
           {"UPDATE metadata SET value=9e99 WHERE key='end_cost_user_cpu_s'", "end_cost_user_cpu_s is out of range"},
           {"UPDATE metadata SET value='[5]' WHERE key='start_filters_families'", "has a family other than 4 and 6"},
           {"UPDATE metadata SET value='x' WHERE key='start_filters_expression_text'", "steps"},
           {"DELETE FROM metadata WHERE key='start_tool_git'", "table metadata lacks keys"},
           {"DELETE FROM metadata WHERE key='end_at_ns'", "table metadata lacks keys"},
           {"INSERT INTO metadata VALUES('more',1)", "keys that are not known"},
           {"INSERT INTO metadata VALUES('lost_disk_full',-1)", "lost_disk_full is not a count"},
       }) {
    write_realistic(path(), 3);
    sqlite3* database = nullptr;
    ASSERT_EQ(::sqlite3_open(path().c_str(), &database), SQLITE_OK);
    ::sqlite3_exec(database, damage.sql, nullptr, nullptr, nullptr);
    ::sqlite3_close(database);
    EXPECT_TRUE(reseal(path()));
    const std::string error = error_of(path());
    EXPECT_THAT(error, HasSubstr(damage.says)) << damage.sql;
    EXPECT_EQ(error.empty(), *damage.says == '\0') << damage.sql << ": " << error;
  }
}

// Whatever the values say: rows are counted, and have a checksum.
TEST_F(ForeignFile, what_was_not_recorded_is_refused) {
  for (const Damage& damage : std::vector<Damage>{
           {"UPDATE events SET owner_comm=owner_comm||'x' WHERE seq=3",
            "table events has values that were not recorded"},
           {"UPDATE events SET flow_mss=flow_mss+1 WHERE seq=3", "table events has values that were not recorded"},
           {"UPDATE events SET flow_app_gap_ns=0 WHERE seq=3", "table events has values that were not recorded"},
           {"DELETE FROM events WHERE seq=3", "table events has 14 rows, and 15 were recorded"},
           {"DELETE FROM histograms WHERE measure='rtt'", "table histograms has"},
           {"DELETE FROM sample_netns WHERE seq=(SELECT max(seq) FROM sample_netns)",
            "table sample_netns has 2 rows, and 3 were recorded"},
           {"UPDATE processes SET comm=substr(comm,2)", "table processes has values that were not recorded"},
           {"UPDATE metadata SET value='db-2' WHERE key='start_host_hostname'",
            "table metadata has values that were not recorded"},
           {"INSERT INTO metadata VALUES('lost_disk_full',3)", "table metadata has"},
           {"DELETE FROM checksums WHERE name='events'", "table checksums lacks tables"},
           {"UPDATE checksums SET name='event' WHERE name='events'", "a table that is not known"},
           {"UPDATE checksums SET rows='x' WHERE name='events'", "table checksums, that of events is not an integer"},
           {"UPDATE checksums SET checksum=checksum+1 WHERE name='sample_nic'", "table sample_nic"},
       }) {
    EXPECT_THAT(error_after(damage.sql), HasSubstr(damage.says)) << damage.sql;
  }
}

// Expression::matches() would take operands that are not there.
TEST_F(ForeignFile, expression_must_be_one) {
  const std::string port =
      R"({"op":"port","side":"either","net":{"address":"::","prefix_length":128},"port_low":1,"port_high":2})";
  const std::string conjunction =
      R"({"op":"and","side":"either","net":{"address":"::","prefix_length":128},"port_low":0,"port_high":0})";
  const auto error_with = [&](const std::string& steps) {
    write_realistic(path(), 1);
    change(
        "UPDATE metadata SET value='x' WHERE key='start_filters_expression_text';"
        "UPDATE metadata SET value='" +
        steps + "' WHERE key='start_filters_expression_steps'");
    EXPECT_TRUE(reseal(path()));
    return error_of(path());
  };
  EXPECT_EQ(error_with("[" + port + "," + port + "," + conjunction + "]"), "");
  EXPECT_THAT(error_with("[" + port + "," + conjunction + "]"), HasSubstr("operator without operands"));
  EXPECT_THAT(error_with("[" + port + "," + port + "]"), HasSubstr("operands without an operator"));
}

TEST_F(ForeignFile, json_bombs_do_not_go_off) {
  for (const char* bomb : {
           "replace(hex(zeroblob(2000000)),'00','[')",              // depth
           "'['||replace(hex(zeroblob(2000000)),'00','1,')||'1]'",  // length
           "'{'||replace(hex(zeroblob(500000)),'00','\"\",')||'}'",
       }) {
    EXPECT_NE(error_after(std::string("UPDATE sample_netns SET counters=") + bomb), "") << bomb;
    EXPECT_NE(error_after(std::string("UPDATE metadata SET value=") + bomb + " WHERE key='start_command'"), "") << bomb;
  }
  EXPECT_THAT(error_after("UPDATE processes SET comm=zeroblob(20000000)"), HasSubstr("damaged")) << "beyond the limit";
}

// --- what lies beside it ---

TEST_F(ForeignFile, journal_that_is_not_its_own_is_refused) {
  write_realistic(path(), 1);
  const std::string journal = path() + "-journal";
  std::string header("\xd9\xd5\x05\xf9\x20\xa1\x63\xd7\0\0\0\1\1\2\3\4\0\0\0\1\0\0\2\0\0\0\x10\0", 28);
  header.resize(512, '\0');
  const auto refused = [&](const std::string& why) {
    const Error error = open_error(path());
    EXPECT_THAT(error.what, HasSubstr(why));
    EXPECT_THAT(error.hint, HasSubstr("copy the recording alone elsewhere"));
    EXPECT_EQ(error.exit_code, ExitCode::kFailed);
    fs::remove(journal);
  };
  fs::create_symlink(path("elsewhere"), journal);
  refused("is not a regular file");
  ASSERT_EQ(::mkfifo(journal.c_str(), 0600), 0);
  refused("is not a regular file");
  write_file(journal, "some text of another program, long enough to be a header");
  refused("is not the one of this recording");
  std::string super = header + "/etc/x-mj000000" + std::string(8, '\0') + header.substr(0, 8);
  write_file(journal, super);
  refused("is not the one of this recording");
  std::string longer = header;
  longer[17] = '\x7f';  // 8 million pages before
  write_file(journal, longer);
  refused("is not the one of this recording");
  for (const char* suffix : {"-wal", "-shm"}) {
    write_file(path() + suffix, "");
    EXPECT_THAT(open_error(path()).what, HasSubstr(suffix));
    fs::remove(path() + suffix);
  }
  if (::geteuid() == 0) {
    write_file(journal, header);
    ASSERT_EQ(::chown(journal.c_str(), 12345, 12345), 0);
    refused("belongs to another user");
  }
  EXPECT_EQ(error_of(path()), "");
}

TEST_F(ForeignFile, journal_after_a_commit_is_ignored) {
  const auto emitted = write_realistic(path(), 1);
  write_file(path() + "-journal", std::string(28, '\0') + "what was there before");
  EXPECT_EQ(difference(emitted, records_of(path())), "");
  write_file(path() + "-journal", "");
  EXPECT_EQ(difference(emitted, records_of(path())), "");
}

}  // namespace
}  // namespace tcpdiag::recording::testing
