// SPDX-License-Identifier: Apache-2.0
// What a rule is made of, and what it is given.
//
// Attribution comes first: every socket is offered to the rules in the order of precedence (registry.cpp) and belongs
// to the first that claims it, so that one reset or close makes one finding only. The sockets of one endpoint that one
// rule claimed are a group; the rule judges the group.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "diagnose/evidence.h"
#include "diagnose/facts.h"
#include "diagnose/timer.h"
#include "model/finding.h"

namespace tcpdiag::diagnose {

struct Group {
  const Facts& facts;
  const EndpointFacts& endpoint;
  std::vector<std::size_t> sockets;  // indexes into Picture::sockets, ascending, at least one
  std::string split;                 // Rule::split's word for all of them

  std::size_t size() const { return sockets.size(); }
  const model::SocketStory& story(std::size_t i) const { return facts.picture.sockets[sockets[i]]; }
  std::string name() const { return endpoint.picture->key.at.to_string(); }
  std::uint16_t port() const { return endpoint.picture->key.at.port; }

  // The values that `read` (SocketStory -> optional) gives for these sockets, those that have one.
  template <typename Read>
  auto collect(Read read) const {
    std::vector<typename decltype(read(story(0)))::value_type> values;
    for (std::size_t i = 0; i < size(); ++i) {
      if (const auto value = read(story(i))) values.push_back(*value);
    }
    return values;
  }
  // The same with the moment of each socket's end, for find_timer(); or with another moment: `until` (SocketStory ->
  // optional), where it is known.
  template <typename Read>
  std::vector<Timed> timed(Read read) const {
    return timed(read, [](const model::SocketStory&) { return std::optional<model::MonoTime>(); });
  }
  template <typename Read, typename Until>
  std::vector<Timed> timed(Read read, Until until) const {
    std::vector<Timed> values;
    for (std::size_t i = 0; i < size(); ++i) {
      if (const auto took = read(story(i))) values.push_back({*took, until(story(i)).value_or(moment_of(story(i)))});
    }
    return values;
  }
  template <typename Test>
  std::uint64_t count_if(Test test) const {
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < size(); ++i) n += test(story(i)) ? 1U : 0U;
    return n;
  }
};

// A finding and what ordering and links need of it.
struct Judged {
  model::Finding finding;
  std::uint64_t failures = 0;  // for the order: connects, exchanges or connections that failed
  std::uint64_t delayed = 0;
  std::vector<std::int64_t> seconds;  // of UTC, in which it happened; sorted, each once
  std::string split;
  bool may_be_raised = true;  // false: never raised by what it explains
  // Picture::sockets whose fate a cause explains, ascending; empty: those of its finding.
  std::vector<std::size_t> explains = {};
  std::vector<std::string> explains_splits = {};  // of the effect's findings
  // Of a finding about what happened on sockets without being their end: the sockets (indexes into Picture::sockets)
  // with how often, and how often in all.
  std::vector<std::pair<std::size_t, std::uint64_t>> on_sockets = {};
  std::uint64_t on_all = 0;
  // Of a finding about a device: the namespace that it is in.
  std::optional<std::uint32_t> netns_inode = {};
};

// What a cause and its effect must share.
enum class Shared : std::uint8_t {
  kEndpoint,  // the same endpoint
  kDevice,    // the same device of the same namespace
  kSplit,     // the same endpoint, and the effect's split is one of Judged::explains_splits
  kListener,  // the effect's remote address and port are an endpoint that this host accepts on
  kProcess,   // one process has both: what its calls wait for, those who call it wait for too
  kSockets,   // nearly all that the effect speaks of happened on sockets whose fate the cause explains
};

struct Rule;

// A finding that this rule's may have caused, by a mechanism: a limit fills a queue, a full queue drops, a drop makes
// somebody wait. There is no cycle.
struct Effect {
  const Rule* rule;
  Shared shared;
  bool reported_by_cause = false;  // the cause's evidence contains that of the effect
};

// All that the program knows of one kind of finding, in the rule's own file. docs/findings.md has a section for each.
struct Rule {
  const char* code;
  model::Family family;
  bool may_be_raised = true;  // false: no finding of it is raised by what it explains

  // Does this socket's end or state belong to this rule? nullptr: the rule looks at the whole picture.
  bool (*claims)(const Case& socket) = nullptr;
  // The same, asked before all other rules' claims: what proves the cause, whatever else the end looks like.
  bool (*claims_first)(const Case& socket) = nullptr;
  // Sockets with different words are judged apart (one finding a cause). nullptr: all of an endpoint together.
  std::string (*split)(const model::SocketStory& story) = nullptr;
  // nullopt: seen, but nothing to report. nullptr: the slot only keeps its sockets from the rules behind it.
  std::optional<Judged> (*judge)(const Group& group) = nullptr;
  // Findings that do not come from single sockets. nullptr: none.
  std::vector<Judged> (*judge_picture)(const Facts& facts) = nullptr;

  std::span<const EvidenceKey> evidence;  // always all of them, in this order
  void (*word_evidence)(EvidenceReader& evidence, Rows& out);
  std::span<const Effect> effects = {};
};

}  // namespace tcpdiag::diagnose
