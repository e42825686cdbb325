// SPDX-License-Identifier: Apache-2.0
#include "correlate/look_ups.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "correlate/keep_limits.h"

namespace tcpdiag::correlate {
namespace {

using model::DnsMessage;
using model::Duration;
using model::LookUpBefore;
using model::MonoTime;
using model::ResolverPicture;

// A question that was last sent longer ago is not answered any more, and the same id is another question.
constexpr Duration kForgotten = std::chrono::seconds(30);
// Who sends a query once more, or asks somebody else, has waited for so long at least: resolv.conf(5) counts whole
// seconds.
constexpr Duration kGoesOn = std::chrono::milliseconds(900);
// A connect follows its look-up at once; with an address that was looked up earlier it had nothing to do.
constexpr Duration kJustBefore = std::chrono::seconds(1);
constexpr Duration kClockSlack = std::chrono::milliseconds(1);

std::uint64_t us_between(MonoTime from, MonoTime to) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, model::microseconds(to - from)));
}

// RFC 1035 section 4.1.1, RFC 2136 section 2.2
std::string rcode_name(std::uint8_t rcode) {
  static constexpr std::array kNames{"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
                                     "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE"};
  return rcode < kNames.size() ? kNames[rcode] : "RCODE" + std::to_string(rcode);
}

// The resolver could not, or did not want to: libraries ask the next one.
bool is_refusal(std::uint8_t rcode) { return rcode == 2 || rcode == 5; }

template <typename Record>
std::optional<MonoTime> end_of(const Record& look_up) {
  return look_up.answered_at ? look_up.answered_at : look_up.refused_at;
}

}  // namespace

void LookUps::add(const DnsMessage& message) {
  expire(message.at);
  if (message.is_answer) {
    answered(message);
  } else {
    asked(message);
  }
}

std::size_t LookUps::resolver_of(const DnsMessage& message) {
  ResolverKey key(message.netns_inode, message.resolver);
  if (!resolver_index_.contains(key) && resolver_index_.size() >= kResolversKept) key = {};
  const auto [found, is_new] = resolver_index_.try_emplace(key, resolvers_.size());
  if (is_new) {
    Resolver& made = resolvers_.emplace_back();
    made.sums.netns_inode = key.first;
    made.sums.at = key.second;
  }
  return found->second;
}

LookUps::Process& LookUps::process_of(std::uint32_t pid) {
  const auto found = processes_.find(pid);
  if (found != processes_.end()) {
    by_use_.splice(by_use_.end(), by_use_, found->second.place);
    return found->second;
  }
  if (processes_.size() >= kAskingProcessesKept) {
    processes_.erase(by_use_.front());
    by_use_.pop_front();
  }
  Process& made = processes_[pid];
  made.place = by_use_.insert(by_use_.end(), pid);
  return made;
}

// The same question again, by another port or of another resolver, belongs to the look-up that waits for it.
std::uint64_t LookUps::look_up_of(const DnsMessage& message) {
  const std::uint32_t pid = message.owner ? message.owner->pid : 0;
  const Question question{message.netns_inode, pid, message.id};
  const std::string name = message.name.substr(0, kNameKept);
  const auto newest = newest_.find(question);
  if (newest != newest_.end()) {
    LookUp& known = look_ups_[newest->second];
    // Where names are not read none has one.
    if (!known.answered_at && message.at - known.newest_at < kForgotten && known.name == name) {
      ++known.repeats;
      if (message.at - known.newest_at >= kGoesOn) known.patience = message.at - known.newest_at;
      known.newest_at = std::max(known.newest_at, message.at);
      return newest->second;
    }
  }
  const std::uint64_t number = ++numbers_;
  LookUp& made = look_ups_[number];
  made.question = question;
  made.tid = message.owner ? message.owner->tid : 0;
  made.local_port = message.local.port;
  made.first_at = message.at;
  made.newest_at = message.at;
  made.resolver = message.resolver;
  made.name = name;
  newest_[question] = number;
  if (pid != 0) {
    auto& open = process_of(pid).open;
    if (open.size() >= kLookUpsOfProcess) open.erase(open.begin());
    open.push_back(number);
  }
  return number;
}

void LookUps::asked(const DnsMessage& message) {
  const QueryKey key(message.netns_inode, message.local, message.resolver, message.id);
  if (const auto known = queries_.find(key); known != queries_.end()) {
    Query& query = known->second;
    if (!query.refused) {
      ResolverPicture& sums = resolvers_[query.resolver].sums;
      ++sums.sent;
      if (++query.sent == 2) ++sums.repeated;
      sums.repeat_after_us.add(us_between(query.newest_at, message.at));
      query.newest_at = std::max(query.newest_at, message.at);
      if (const auto found = look_ups_.find(query.look_up); found != look_ups_.end()) {
        LookUp& look_up = found->second;
        ++look_up.repeats;
        look_up.patience = message.at - look_up.newest_at;
        look_up.newest_at = std::max(look_up.newest_at, message.at);
      }
      return;
    }
    settle(resolvers_[query.resolver].sums, query, message.at);
    give_up(key);
  }
  while (queries_.size() >= kQueriesKept && !order_.empty()) {
    const auto [at, oldest, number] = order_.front();
    order_.pop_front();
    const auto found = queries_.find(oldest);
    if (found == queries_.end() || found->second.number != number) continue;
    ++resolvers_[found->second.resolver].sums.unknown;
    give_up(oldest);
  }
  Query query;
  query.look_up = look_up_of(message);
  query.number = ++numbers_;
  query.resolver = resolver_of(message);
  query.first_at = query.newest_at = message.at;
  query.sent = 1;
  LookUp& look_up = look_ups_[query.look_up];
  ++look_up.queries;
  ++look_up.waiting;
  Resolver& resolver = resolvers_[query.resolver];
  if (!message.name.empty() && !resolver.sums.names) resolver.sums.names.emplace();
  ++resolver.sums.queries;
  ++resolver.sums.sent;
  std::string name = message.owner ? message.owner->comm : std::string();
  if (resolver.users.size() >= kEndpointNamesMax && !resolver.users.contains(name)) name = "others";
  ++resolver.users[name];
  order_.emplace_back(message.at, key, query.number);
  queries_[key] = query;
}

void LookUps::answered(const DnsMessage& message) {
  const QueryKey key(message.netns_inode, message.local, message.resolver, message.id);
  const auto known = queries_.find(key);
  if (known != queries_.end() && known->second.refused) return;  // a second answer
  const bool was_asked = known != queries_.end();
  const std::size_t index = was_asked ? known->second.resolver : resolver_of(message);
  const MonoTime first_at = was_asked ? known->second.first_at : message.first_sent_at;
  ResolverPicture& sums = resolvers_[index].sums;
  if (!was_asked) {  // its query was not told of
    ++sums.queries;
    ++sums.sent;
  } else if (known->second.sent > 1) {
    ++sums.answered_after_repeat;
  }
  ++sums.answered;
  ++sums.rcodes[rcode_name(message.rcode())];
  if ((message.flags & DnsMessage::kTruncated) != 0) ++sums.truncated;
  sums.took_us.add(us_between(first_at, message.at));
  const bool slow = message.at - first_at >= model::kSlowLookUp;
  if (slow) sums.slow.add(message.at);
  const bool refused = is_refusal(message.rcode());
  if (refused) sums.refused.add(message.at);
  if (!was_asked) return;
  if (slow || refused) {
    if (model::NameTrouble* trouble = trouble_of(sums, known->second)) {
      if (slow) trouble->slow_us.add(us_between(first_at, message.at));
      if (refused) ++trouble->refused;
    }
  }
  if (const auto found = look_ups_.find(known->second.look_up); found != look_ups_.end()) {
    auto& ended = refused ? found->second.refused_at : found->second.answered_at;
    if (!ended || refused) ended = message.at;
  }
  if (refused) {
    known->second.refused = true;
  } else {
    give_up(key);
  }
}

void LookUps::give_up(const QueryKey& key) {
  const auto found = queries_.find(key);
  if (found == queries_.end()) return;
  const std::uint64_t look_up = found->second.look_up;
  queries_.erase(found);
  release(look_up);
}

// One query less of it. When there is none left it is over.
void LookUps::release(std::uint64_t number) {
  const auto found = look_ups_.find(number);
  if (found == look_ups_.end()) return;
  LookUp& look_up = found->second;
  if (look_up.waiting > 0) --look_up.waiting;
  if (look_up.waiting > 0) return;
  const auto newest = newest_.find(look_up.question);
  if (newest != newest_.end() && newest->second == number) newest_.erase(newest);
  const auto process = processes_.find(look_up.question.pid);
  if (process != processes_.end()) {
    std::erase(process->second.open, number);
    auto& kept = process->second.newest;
    // What is quick gives way first: a process may ask much while one of its threads waits.
    if (kept.size() >= kLookUpsOfProcess) {
      const auto took = [](const LookUp& one) { return end_of(one).value_or(one.newest_at) - one.first_at; };
      const auto quick = std::ranges::find_if(kept, [&](const LookUp& one) { return took(one) < kJustBefore; });
      kept.erase(quick == kept.end() ? kept.begin() : quick);
    }
    kept.push_back(look_up);
  }
  look_ups_.erase(found);
}

void LookUps::expire(MonoTime now) {
  while (!order_.empty()) {
    const auto [at, key, number] = order_.front();
    const auto found = queries_.find(key);
    const bool is_there = found != queries_.end() && found->second.number == number;
    if (is_there && at + kForgotten >= now) break;
    order_.pop_front();
    if (!is_there) continue;
    if (found->second.newest_at > at) {
      order_.emplace_back(found->second.newest_at, key, number);
      continue;
    }
    settle(resolvers_[found->second.resolver].sums, found->second, now);
    give_up(key);
  }
  // Answered ones lie behind one that waits.
  if (order_.size() < 2 * kQueriesKept) return;
  std::erase_if(order_, [this](const auto& entry) {
    const auto found = queries_.find(std::get<1>(entry));
    return found == queries_.end() || found->second.number != std::get<2>(entry);
  });
}

const LookUps::LookUp* LookUps::find(std::uint64_t number) const {
  const auto found = look_ups_.find(number);
  return found == look_ups_.end() ? nullptr : &found->second;
}

model::NameTrouble* LookUps::trouble_of(ResolverPicture& sums, const Query& query) const {
  const LookUp* look_up = find(query.look_up);
  if (look_up == nullptr || look_up->name.empty() || !sums.names) return nullptr;
  const bool has_room = sums.names->size() < kNamesOfResolver || sums.names->contains(look_up->name);
  return &(*sums.names)[has_room ? look_up->name : std::string()];
}

// What became of a query that nobody answered, or by an error.
void LookUps::settle(ResolverPicture& sums, const Query& query, MonoTime end) const {
  const LookUp* look_up = find(query.look_up);
  const MonoTime* answered_at = look_up != nullptr && look_up->answered_at ? &*look_up->answered_at : nullptr;
  if (query.refused) {
    if (answered_at == nullptr) ++sums.refused_lost;
    return;
  }
  const bool went_on = look_up != nullptr && (look_up->newest_at - query.newest_at >= kGoesOn ||
                                              (answered_at != nullptr && *answered_at - query.newest_at >= kGoesOn));
  // Who had sent it again waits as long for the last one.
  const Duration patience =
      look_up != nullptr ? look_up->patience.value_or(model::kUnansweredAfter) : Duration(model::kUnansweredAfter);
  if (!went_on && end - query.newest_at < std::min<Duration>(patience, model::kUnansweredAfter)) {
    ++sums.waiting;
    return;
  }
  sums.unanswered.add(query.first_at);
  if (model::NameTrouble* trouble = trouble_of(sums, query)) ++trouble->unanswered;
  ++(answered_at != nullptr ? sums.rescued : sums.lost);
  if (answered_at != nullptr) {
    sums.wait_us.add(us_between(query.first_at, *answered_at));
  } else if (look_up != nullptr && look_up->patience) {  // it waits as long for the last one
    sums.wait_us.add(us_between(look_up->first_at, look_up->newest_at + *look_up->patience));
  }
}

std::vector<const LookUps::LookUp*> LookUps::of_process(std::uint32_t pid) const {
  std::vector<const LookUp*> all;
  const auto process = processes_.find(pid);
  if (process == processes_.end()) return all;
  for (const LookUp& one : process->second.newest) all.push_back(&one);
  for (const std::uint64_t number : process->second.open) {
    if (const LookUp* one = find(number)) all.push_back(one);
  }
  return all;
}

std::optional<LookUpBefore> LookUps::before(std::uint32_t pid, std::uint32_t tid, MonoTime at) const {
  std::vector<const LookUp*> those;
  for (const LookUp* one : of_process(pid)) {
    const auto ended = end_of(*one);
    const Duration since = at - ended.value_or(one->newest_at);
    const bool is_it = ended ? since > -kClockSlack && since <= kJustBefore
                             : since >= kGoesOn && since <= model::kUnansweredAfter + kJustBefore;
    if (is_it) those.push_back(one);
  }
  if (those.empty()) return std::nullopt;
  const auto is_mine = [tid](const LookUp* one) { return tid != 0 && one->tid == tid; };
  if (std::ranges::any_of(those, is_mine)) std::erase_if(those, [&](const LookUp* one) { return !is_mine(one); });
  LookUpBefore before;
  MonoTime first = at;
  MonoTime last = those.front()->first_at;
  const LookUp* longest = those.front();
  const auto took = [at](const LookUp* one) { return end_of(*one).value_or(at) - one->first_at; };
  for (const LookUp* one : those) {
    if (took(one) > took(longest)) longest = one;
    if (one->first_at < first) {
      first = one->first_at;
      before.resolver = one->resolver;
    }
    last = std::max(last, end_of(*one).value_or(at));
    before.queries += one->queries;
    before.repeats += one->repeats;
    before.answered = before.answered || one->answered_at.has_value();
  }
  before.name = longest->name;
  before.first_at = first;
  before.took = std::max(std::min(last, at) - first, Duration::zero());
  return before;
}

std::optional<LookUpBefore> LookUps::during(std::uint32_t pid, MonoTime from, MonoTime to) const {
  std::optional<LookUpBefore> longest;
  for (const LookUp* one : of_process(pid)) {
    // One that nobody answered was waited for as long as it was sent, and once more.
    const MonoTime given_up = one->newest_at + one->patience.value_or(model::kUnansweredAfter);
    const MonoTime until = std::min(to, end_of(*one).value_or(given_up));
    const Duration took = until - std::max(from, one->first_at);
    if (took <= Duration::zero() || (longest && longest->took >= took)) continue;
    longest = LookUpBefore{one->first_at, took,     one->queries, one->repeats, one->answered_at.has_value(),
                           one->resolver, one->name};
  }
  return longest;
}

std::vector<ResolverPicture> LookUps::pictures(MonoTime end) const {
  std::vector<ResolverPicture> all;
  all.reserve(resolvers_.size());
  for (const Resolver& resolver : resolvers_) {
    ResolverPicture& picture = all.emplace_back(resolver.sums);
    picture.users.assign(resolver.users.begin(), resolver.users.end());
    std::ranges::stable_sort(picture.users, [](const auto& a, const auto& b) { return a.second > b.second; });
    constexpr std::size_t kUsersShown = 10;
    if (picture.users.size() > kUsersShown) picture.users.resize(kUsersShown);
  }
  for (const auto& [key, query] : queries_) settle(all[query.resolver], query, end);
  std::ranges::sort(all, [](const ResolverPicture& a, const ResolverPicture& b) {
    return std::tuple(~a.queries, a.netns_inode, a.at) < std::tuple(~b.queries, b.netns_inode, b.at);
  });
  return all;
}

}  // namespace tcpdiag::correlate
