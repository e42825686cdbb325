// SPDX-License-Identifier: Apache-2.0
// The fuzz targets without libFuzzer: every seed is accepted, and none of some mutations of it crashes. With
// TCPDIAG_FUZZ_CORPUS=DIR the seeds are left in DIR/TARGET/, where libFuzzer begins with them.
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "fuzz/targets.h"
#include "support/source_dir.h"
#include "unit/source/recording/recording_case.h"
#ifdef TCPDIAG_FUZZ_WIRE
#include "wire.h"
#endif

namespace tcpdiag::fuzz {
namespace {

namespace fs = std::filesystem;

class Mutator {
 public:
  std::string mutated(std::string bytes) {
    for (std::size_t edits = 1 + below(4); edits > 0; --edits) edit(bytes);
    return bytes;
  }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }
  void edit(std::string& bytes) {
    if (bytes.empty()) return bytes.push_back(static_cast<char>(below(256)));
    const std::size_t at = below(bytes.size());
    const std::size_t length = 1 + below(std::min<std::size_t>(bytes.size() - at, 64));
    switch (below(6)) {
      case 0:
        bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ 1U << below(8));
        break;
      case 1:
        bytes[at] = static_cast<char>(below(256));
        break;
      case 2:
        bytes.replace(at, length, length, below(2) == 0 ? '\0' : '\xff');
        break;
      case 3:
        bytes.erase(at, length);
        break;
      case 4:
        bytes.insert(below(bytes.size()), bytes.substr(at, length));
        break;
      default:
        bytes.replace(below(bytes.size()), length, bytes.substr(at, length));
    }
  }

  std::mt19937 random_{14};
};

using Target = bool (*)(Bytes);

bool run(Target target, const std::string& bytes) {
  return target({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

void replay(const std::string& name, Target target, const std::vector<std::string>& seeds, int mutations) {
  const char* const corpus = ::getenv("TCPDIAG_FUZZ_CORPUS");
  Mutator mutator;
  int number = 0;
  for (const std::string& seed : seeds) {
    if (corpus != nullptr) {
      fs::create_directories(fs::path(corpus) / name);
      std::ofstream(fs::path(corpus) / name / std::to_string(++number), std::ios::binary) << seed;
    }
    EXPECT_TRUE(run(target, seed)) << name << ": " << seed.substr(0, 100);
    for (int i = 0; i < mutations; ++i) run(target, mutator.mutated(seed));
  }
  EXPECT_FALSE(run(target, std::string(3, '\xff')));
}

using Fuzz = recording::testing::RecordingCase;

TEST_F(Fuzz, recordings) {
  write_realistic(path(), 2);
  replay("recording", recording, {recording::testing::bytes_of_file(path())}, 60);
}

TEST_F(Fuzz, json) {
  std::ifstream report(source_dir() + "/tests/golden/report/incident_b.json", std::ios::binary);
  std::ostringstream text;
  text << report.rdbuf();
  replay("json", json,
         {text.str(), R"(["a",{"hex":"c328"}])", R"([1,65535])", R"({"bw_in":12,"":0})", R"([[{"hex":"ff"},1]])",
          R"([{"name":"eth0","available":true,"reason":""}])"},
         40);
}

TEST_F(Fuzz, expressions) {
  replay("expression", expression,
         {"port 443", "not (dst net 10.0.0.0/8 or src portrange 1-1024) and port 443",
          "host 2001:db8::1 and not src port 22", "((((net fd00::/8))))"},
         300);
}

#ifdef TCPDIAG_FUZZ_WIRE
std::string bytes_of(const tcpd_wire_event& event) { return {reinterpret_cast<const char*>(&event), sizeof(event)}; }

TEST_F(Fuzz, wire_records) {
  std::vector<std::string> seeds;
  for (const auto kind : {TCPD_EVENT_RESET_RECEIVED, TCPD_EVENT_RETRANSMIT, TCPD_EVENT_SYNACK}) {
    tcpd_wire_event event{};
    event.kind = static_cast<decltype(event.kind)>(kind);
    event.size = sizeof(event);
    event.at_ns = 5'000'000'000;
    event.sock.id = event.sock.cookie = 253;
    event.sock.lport = 41822;
    event.sock.rport = 443;
    event.sock.role = TCPD_ROLE_OUTBOUND;
    event.flow.state = static_cast<std::uint8_t>(model::TcpState::kEstablished);
    event.flow.request_first_ns = 2'000'000'000;
    seeds.push_back(bytes_of(event));
  }
  replay("wire", wire, seeds, 60);
}
#endif

}  // namespace
}  // namespace tcpdiag::fuzz
