// SPDX-License-Identifier: Apache-2.0
// What may be shown stays where it is: ports, process and namespace numbers, cgroup ids, times, sizes; the kernel's
// version and architecture, instance types, the offset of the local time; tcpdiag's own version and the recording's
// random id; names that the kernel gave (counters, reset reasons). Everything else with letters in it is replaced.
#include "redact/redactor.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "redact/device_names.h"
#include "redact/own_words.h"
#include "redact/tokens.h"

namespace tcpdiag::redact {
namespace {

// Features whose reasons are sentences of this program, without a name in them.
constexpr auto kPlainReasons = std::to_array<std::string_view>({
    "socket_storage",
    "socket_cookie",
    "reset_reasons",
    "reset_without_socket",
    "retransmit_failures",
    "packet_drops",
    "dns",
    "drop_receivers",
    "error_reports",
    "endpoint_aggregates",
    "socket_counts",
    kOriginals,
});

bool is_number(std::string_view text) { return text.find_first_not_of("0123456789") == std::string_view::npos; }

// Namespaces are given by name or by the path that `ip netns` makes for it: that is the same one.
std::string_view netns_name(std::string_view given) {
  for (const std::string_view folder : {"/run/netns/", "/var/run/netns/"}) {
    if (given.starts_with(folder)) return given.substr(folder.size());
  }
  return given;
}

}  // namespace

struct Redactor::Impl {
  OwnWords own;
  model::Sink* next = nullptr;
  Origin origin = Origin::kRaw;
  AddressTokens addresses;
  NameTokens hosts{"host-"};
  NameTokens processes{"process-"};
  NameTokens cgroups{"/cgroup-"};
  NameTokens namespaces{"netns-"};
  NameTokens devices{"device-"};
  NameTokens looked_up{"name-"};
  NameTokens drivers{"driver-"};

  void count_beside() {
    addresses.count_beside();
    for (NameTokens* names : {&hosts, &processes, &cgroups, &namespaces, &devices, &drivers, &looked_up})
      names->count_beside();
  }

  void redact(model::Address& address) { address = addresses.token(address, origin); }

  void redact(model::Cidr& block) {
    block.address = block.first();
    redact(block.address);
  }

  void redact(model::SocketAddress& at) { redact(at.address); }

  void redact(model::SocketRef& socket) {
    redact(socket.local);
    redact(socket.remote);
  }

  void redact_process(std::string& comm) { comm = processes.token(comm, origin); }

  void redact(std::optional<model::Owner>& owner) {
    if (owner) redact_process(owner->comm);
  }

  void redact_cgroup(std::string& path) {
    if (path != "/" && !is_number(path)) path = cgroups.token(path, origin);
  }

  void redact_device(std::string& device) {
    if (!is_plain_device(device)) device = devices.token(device, origin);
  }

  void redact(model::Filters& filters) {
    for (std::string& comm : filters.comms) redact_process(comm);
    for (model::CgroupFilter& cgroup : filters.cgroups) redact_cgroup(cgroup.path);
    for (model::Cidr& block : filters.local) redact(block);
    for (model::Cidr& block : filters.remote) redact(block);
    for (std::string& given : filters.netns_as_given) {
      if (!is_number(given)) given = namespaces.token(netns_name(given), origin);
    }
    if (!filters.expression) return;
    filters.expression = filters.expression->with_nets([this](model::Cidr block) {
      redact(block);
      return block;
    });
  }

  void redact_features(std::vector<model::Feature>& features) const {
    for (model::Feature& feature : features) {
      if (feature.reason.empty() || std::ranges::find(kPlainReasons, feature.name) != kPlainReasons.end()) continue;
      feature.reason = kRedactedWord;
    }
    if (origin == Origin::kRaw) features.push_back({std::string(kOriginals), false, "redacted: tokens stand for them"});
  }

  void redact(model::TraceStart& start) {
    origin = is_redacted(start) ? Origin::kRedacted : Origin::kRaw;
    if (origin == Origin::kRedacted) count_beside();
    start.command = redacted_command(start.command, own);
    start.host.hostname = hosts.token(start.host.hostname, origin);
    for (model::NetnsInfo& netns : start.netns) netns.name = namespaces.token(netns.name, origin);
    redact(start.filters);
    for (model::OtherNetns& other : start.other_netns) redact_process(other.comm);
    redact_features(start.abilities);
  }

  void redact(model::SocketSnapshot& snapshot) {
    redact(snapshot.socket);
    redact(snapshot.owner);
  }

  void redact(model::EndpointSample& sample) {
    redact(sample.key.at);
    redact_device(sample.device);
  }

  void redact(model::NetnsSample& sample) {
    for (model::ListenQueue& queue : sample.full_listeners) redact(queue.local);
  }

  void redact(model::NicSample& sample) {
    redact_device(sample.device);
    if (is_plain_driver(sample.driver)) return;
    sample.driver = drivers.token(sample.driver, origin);
    if (!sample.driver_version.empty()) sample.driver_version = kRedactedWord;
  }

  void redact(model::ProcessInfo& process) {
    redact_process(process.comm);
    redact_cgroup(process.cgroup_path);
  }

  void redact(model::DnsMessage& message) {
    redact(message.local);
    redact(message.resolver);
    redact(message.owner);
    message.name = looked_up.token(message.name, origin);
  }

  void redact(model::TraceEnd& end) {
    for (model::BusyEndpoint& busy : end.busiest_filtered_out) redact(busy.key.at);
  }
};

bool is_redacted(const model::TraceStart& start) {
  return std::ranges::any_of(start.abilities, [](const model::Feature& a) { return a.name == kOriginals; });
}

Redactor::Redactor(OwnWords own) : impl_(std::make_unique<Impl>()) { impl_->own = std::move(own); }
Redactor::Redactor(OwnWords own, model::Sink& next) : Redactor(std::move(own)) { lead_to(next); }
Redactor::~Redactor() = default;

void Redactor::lead_to(model::Sink& next) { impl_->next = &next; }
void Redactor::expect_tokens() { impl_->count_beside(); }

void Redactor::on_event(const model::Event& event) {
  model::Event redacted = event;
  impl_->redact(redacted.socket);
  impl_->redact(redacted.owner);
  impl_->next->on_event(redacted);
}

void Redactor::on_sample(const model::Sample& sample) {
  model::Sample redacted = sample;
  std::visit([this](auto& one) { impl_->redact(one); }, redacted);
  impl_->next->on_sample(redacted);
}

model::View Redactor::view(const model::View& view) {
  model::View redacted = view;
  impl_->redact(redacted.filters);
  return redacted;
}

}  // namespace tcpdiag::redact
