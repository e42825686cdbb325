// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>

#include "correlate/correlator.h"
#include "diagnose/diagnose.h"
#include "fuzz/targets.h"
#include "report/render.h"
#include "source/bpf/decoder.h"

namespace tcpdiag::fuzz {
namespace {

// The stats of two CPUs, as far as the bytes go.
model::EndpointSample sample_of(Bytes bytes, model::MonoTime at) {
  std::array<tcpd_endpoint_stats, 2> each{};
  tcpd_endpoint_shared shared{};
  std::memcpy(each.data(), bytes.data(), std::min(bytes.size(), sizeof(each)));
  std::memcpy(&shared, bytes.data(), std::min(bytes.size(), sizeof(shared)));
  model::EndpointKey key;
  key.role = model::Role::kOutbound;
  return bpf::decode_stats(key, each, shared, at);
}

}  // namespace

bool wire(Bytes bytes) {
  const auto raw = std::as_bytes(bytes);
  const std::optional<model::Event> event = bpf::decode_event(raw);
  const auto snapshot = bpf::decode_snapshot(raw, model::SnapshotMoment::kStart);
  const auto message = bpf::decode_dns(raw);
  if (!event && !snapshot && !message) return false;
  correlate::Correlator correlator;
  model::TraceStart start;
  start.clock.mono_at = event ? event->at : snapshot ? snapshot->snapshot.at : message->at;
  correlator.on_sample(start);
  if (snapshot) correlator.on_sample(snapshot->snapshot);
  if (event) correlator.on_event(*event);
  if (message) correlator.on_sample(*message);
  model::TraceEnd end;
  end.at = start.clock.mono_at;
  correlator.on_sample(sample_of(bytes, end.at));
  correlator.on_sample(end);
  const model::Report report = diagnose::make_report(correlator.finish());
  report::render_json(report, {});
  report::render_text(report, {});
  return true;
}

}  // namespace tcpdiag::fuzz
