// SPDX-License-Identifier: Apache-2.0
// Look-ups of names: queries and their answers, by resolver, and which of them a process waited for.
//
// A query is one question: an id from one port to one resolver, however often it is sent. Who gets no answer asks again
// with the same id, the same resolver or the next one (glibc, musl, c-ares): those are one look-up. One that asks anew
// with another id (Go) makes another look-up.
//
// Bounds: queries that wait for their answer, resolvers, processes and the newest look-ups of each. All walks are in an
// order that depends on nothing but what was told.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "model/picture.h"
#include "model/sample.h"

namespace tcpdiag::correlate {

class LookUps {
 public:
  void add(const model::DnsMessage& message);

  // Of the process: what it had waited for when it began to connect at `at`. Of the same thread, if that has asked.
  std::optional<model::LookUpBefore> before(std::uint32_t pid, std::uint32_t tid, model::MonoTime at) const;
  // The longest that it waited for a name between the two.
  std::optional<model::LookUpBefore> during(std::uint32_t pid, model::MonoTime from, model::MonoTime to) const;

  // As if the trace ended then.
  std::vector<model::ResolverPicture> pictures(model::MonoTime end) const;

 private:
  struct Question {
    std::uint32_t netns = 0;
    std::uint32_t pid = 0;  // 0: not known
    std::uint16_t id = 0;
    auto operator<=>(const Question&) const = default;
  };
  using QueryKey = std::tuple<std::uint32_t, model::SocketAddress, model::SocketAddress, std::uint16_t>;
  using ResolverKey = std::pair<std::uint32_t, model::SocketAddress>;

  struct LookUp {
    Question question;
    std::uint32_t tid = 0;
    std::uint16_t local_port = 0;
    model::MonoTime first_at{};
    model::MonoTime newest_at{};                 // newest time that it was sent
    std::optional<model::Duration> patience;     // between the newest two
    std::optional<model::MonoTime> answered_at;  // by what the process asked for
    std::optional<model::MonoTime> refused_at;   // by an error
    std::uint32_t queries = 0;
    std::uint32_t repeats = 0;
    std::uint32_t waiting = 0;      // of its queries; while there are some, or it may be asked again, it is kept
    model::SocketAddress resolver;  // the first that was asked
    std::string name;
  };
  struct Query {
    std::uint64_t look_up = 0;  // key of look_ups_; 0: its query was not seen
    std::uint64_t number = 0;
    std::size_t resolver = 0;
    model::MonoTime first_at{};
    model::MonoTime newest_at{};
    std::uint32_t sent = 0;
    bool refused = false;  // answered by an error; it is kept to see whether another resolver has better
  };
  struct Resolver {
    model::ResolverPicture sums;
    std::map<std::string, std::uint64_t> users;
  };
  struct Process {
    std::deque<LookUp> newest;  // those that are over, or are not followed any more
    std::vector<std::uint64_t> open;
    std::list<std::uint32_t>::iterator place;
  };

  void asked(const model::DnsMessage& message);
  void answered(const model::DnsMessage& message);
  std::uint64_t look_up_of(const model::DnsMessage& message);
  std::size_t resolver_of(const model::DnsMessage& message);
  Process& process_of(std::uint32_t pid);
  void release(std::uint64_t number);
  void expire(model::MonoTime now);
  void give_up(const QueryKey& key);
  void settle(model::ResolverPicture& sums, const Query& query, model::MonoTime end) const;
  const LookUp* find(std::uint64_t number) const;
  // Of the query's name at its resolver; null: not read.
  model::NameTrouble* trouble_of(model::ResolverPicture& sums, const Query& query) const;
  std::vector<const LookUp*> of_process(std::uint32_t pid) const;

  std::vector<Resolver> resolvers_;
  std::map<ResolverKey, std::size_t> resolver_index_;
  std::map<QueryKey, Query> queries_;
  std::deque<std::tuple<model::MonoTime, QueryKey, std::uint64_t>> order_;  // of the queries, by when they were sent
  std::map<std::uint64_t, LookUp> look_ups_;                                // that are followed, by number
  std::map<Question, std::uint64_t> newest_;                                // of the same id
  std::uint64_t numbers_ = 0;
  std::map<std::uint32_t, Process> processes_;
  std::list<std::uint32_t> by_use_;  // pids, the longest unused first
};

}  // namespace tcpdiag::correlate
