// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "fuzz/targets.h"
#include "report/render.h"
#include "session/recorded_report.h"
#include "source/recording/reader.h"
#include "unit/source/recording/reseal.h"

namespace tcpdiag::fuzz {
namespace {

namespace fs = std::filesystem;

class Directory {
 public:
  Directory() {
    std::string name = (fs::temp_directory_path() / "tcpdiag-fuzz-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { fs::remove_all(path_); }
  std::string file() const { return path_ / "x.tcpdiag"; }

 private:
  fs::path path_;
};

bool is_reported(const std::string& file) {
  const auto reader = recording::Reader::open(file);
  if (!reader) return false;
  const Result<model::Report> report = session::report_of_whole(**reader, nullptr);
  if (!report) return false;
  report::render_json(*report, {});
  report::render_text(*report, {});
  return true;
}

}  // namespace

// Once more with checksums that fit, or no change of a value would come far.
bool recording(Bytes bytes) {
  static const Directory kDirectory;
  const std::string file = kDirectory.file();
  std::ofstream(file, std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return is_reported(file) || (recording::testing::reseal(file) && is_reported(file));
}

}  // namespace tcpdiag::fuzz
