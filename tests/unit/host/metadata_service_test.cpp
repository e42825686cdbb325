// SPDX-License-Identifier: Apache-2.0
// Against a server on loopback that answers what the test says.
#include "host/metadata_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "util/fd.h"
#include "util/io.h"

namespace tcpdiag::host {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

std::string ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\ncontent-length:  " + std::to_string(body.size()) + " \r\nServer: x\r\n\r\n" +
         std::string(body);
}

// Answers one connection after the other, and closes it. An empty answer: none, until the client goes.
class FakeService {
 public:
  explicit FakeService(std::vector<std::string> answers) : answers_(std::move(answers)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* address = reinterpret_cast<sockaddr*>(&at);  // NOLINT(*-reinterpret-cast): as bind(2) wants it
    EXPECT_EQ(::bind(listener_.get(), address, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    EXPECT_EQ(::getsockname(listener_.get(), address, &size), 0);
    service_ = {.address = "127.0.0.1", .port = ntohs(at.sin_port), .limit = std::chrono::seconds(30)};
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeService() { end(); }
  FakeService(const FakeService&) = delete;
  FakeService& operator=(const FakeService&) = delete;

  MetadataService& service() { return service_; }
  const std::vector<std::string>& requests() {
    end();
    return requests_;
  }

 private:
  void serve() {
    for (const std::string& answer : answers_) {
      const Fd client(::accept(listener_.get(), nullptr, nullptr));
      if (!client) return;
      std::string request;
      char byte = 0;
      while (!request.ends_with("\r\n\r\n") && ::recv(client.get(), &byte, 1, 0) == 1) request += byte;
      requests_.push_back(std::move(request));
      if (answer.empty()) {
        (void)::recv(client.get(), &byte, 1, 0);
      } else {
        (void)::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
      }
    }
  }
  void end() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }

  Fd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::vector<std::string> answers_;
  std::vector<std::string> requests_;
  MetadataService service_;
  std::thread thread_;
};

std::string refusal(std::vector<std::string> answers) {
  FakeService fake(std::move(answers));
  const Result<std::string> type = ask_instance_type(fake.service());
  if (type) {
    ADD_FAILURE() << "was accepted: " << *type;
    return {};
  }
  EXPECT_EQ(type.error().exit_code, ExitCode::kFailed);
  EXPECT_NE(type.error().hint, "");
  return type.error().what;
}

TEST(MetadataService, token_first_then_the_type) {
  FakeService fake({ok("AQAAAB=="), ok("t4g.micro")});
  const Result<std::string> type = ask_instance_type(fake.service());
  ASSERT_TRUE(type) << type.error().what;
  EXPECT_EQ(*type, "t4g.micro");
  ASSERT_THAT(fake.requests(), SizeIs(2));
  EXPECT_THAT(fake.requests()[0], StartsWith("PUT /latest/api/token HTTP/1.1\r\nHost: 127.0.0.1\r\n"));
  EXPECT_THAT(fake.requests()[0], HasSubstr("\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n"));
  EXPECT_THAT(fake.requests()[1], StartsWith("GET /latest/meta-data/instance-type HTTP/1.1\r\n"));
  EXPECT_THAT(fake.requests()[1], HasSubstr("\r\nX-aws-ec2-metadata-token: AQAAAB==\r\n"));
}

TEST(MetadataService, answer_that_the_end_of_the_connection_completes) {
  FakeService fake({"HTTP/1.0 200 OK\r\n\r\ntoken", "HTTP/1.0 200 OK\r\n\r\nm5.large"});
  EXPECT_EQ(ask_instance_type(fake.service()).value_or(""), "m5.large");
}

TEST(MetadataService, refuses) {
  EXPECT_EQ(refusal({"HTTP/1.1 403 Forbidden\r\n\r\n"}), "the metadata service answered 403");
  EXPECT_EQ(refusal({"HTTP/1.1 301 Moved\r\nLocation: http://203.0.113.1/\r\n\r\n"}),
            "the metadata service answered 301");
  EXPECT_EQ(refusal({ok("token"), "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"}),
            "the metadata service answered 404");
}

TEST(MetadataService, answers_that_make_no_sense) {
  for (const char* answer : {"x", "\r\n\r\n", "HTTP/1.1", "HTTP/1.1 200 OK\r\n", "HTTP/2 200\r\n\r\nx", "SSH-2.0-x\r\n",
                             "HTTP/1.1 2x0 OK\r\n\r\nx"}) {
    EXPECT_EQ(refusal({answer}), "the metadata service's answer makes no sense") << answer;
  }
  EXPECT_EQ(refusal({"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"}),
            "the metadata service's answer is not complete");
  EXPECT_EQ(refusal({"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx"}),
            "the metadata service's answer is not complete");
  EXPECT_EQ(refusal({"HTTP/1.1 200 OK\r\nX: " + std::string(5000, 'x')}), "the metadata service's answer is too long");
}

TEST(MetadataService, token_must_not_end_a_header) {
  for (const std::string& token :
       {std::string(), std::string("a\r\nX: y"), std::string("a b"), std::string("\xe4"), std::string(513, 'a')}) {
    EXPECT_EQ(refusal({ok(token)}), "the metadata service's token makes no sense") << token;
  }
}

TEST(MetadataService, type_must_be_one) {
  for (const char* type : {"", "<html>", "t4g.micro\n", "../etc", "\x1b[31m"}) {
    EXPECT_EQ(refusal({ok("token"), ok(type)}), "the metadata service told no instance type") << type;
  }
}

TEST(MetadataService, no_answer_in_time) {
  for (const std::vector<std::string>& answers : {std::vector<std::string>{""}, {ok("token"), ""}}) {
    FakeService fake(answers);
    fake.service().limit = std::chrono::milliseconds(answers.size() == 1 ? 5 : 200);
    const Result<std::string> type = ask_instance_type(fake.service());
    ASSERT_FALSE(type);
    EXPECT_THAT(type.error().what, StartsWith("no answer of the metadata service 127.0.0.1: "));
  }
}

TEST(MetadataService, nobody_there) {
  MetadataService nobody;
  {
    FakeService gone(std::vector<std::string>{});
    nobody = gone.service();
  }
  const Result<std::string> type = ask_instance_type(nobody);
  ASSERT_FALSE(type);
  EXPECT_THAT(type.error().what, StartsWith("no answer of the metadata service 127.0.0.1: "));
  nobody.address = "example.com";
  EXPECT_FALSE(ask_instance_type(nobody));
}

}  // namespace
}  // namespace tcpdiag::host
