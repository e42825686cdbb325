// SPDX-License-Identifier: Apache-2.0
// The JSON of owners, totals, histograms and series.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "report/json.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

const char* owner_source_name(model::OwnerSource source) {
  switch (source) {
    case model::OwnerSource::kOwner:
      return "owner";
    case model::OwnerSource::kReader:
      return "reader";
    case model::OwnerSource::kTable:
      return "table";
    case model::OwnerSource::kUnknown:
      return "unknown";
  }
  return "unknown";
}

}  // namespace

std::int64_t offset_us(model::MonoTime start, model::MonoTime t) {
  return std::chrono::floor<std::chrono::microseconds>(t - start).count();
}

double to_thousandths(double value) { return std::round(value * 1000) / 1000; }

Json text_json(std::string_view text) { return valid_utf8(text); }

Json texts_json(const std::vector<std::string>& texts) {
  Json out = Json::array();
  for (const std::string& text : texts) out.push_back(text_json(text));
  return out;
}

Json address_json(const model::SocketAddress& at) { return {{"address", at.address.to_string()}, {"port", at.port}}; }

Json text_or_null(std::string_view text) { return text.empty() ? Json(nullptr) : text_json(text); }

Json us_or_null(const std::optional<model::Duration>& d) { return d ? Json(model::microseconds(*d)) : Json(nullptr); }

Json role_json(model::Role role) {
  return role == model::Role::kUnknown ? Json(nullptr) : Json(model::to_string(role));
}

Json owner_json(const model::Owner& owner) {
  const auto id_or_null = [](std::uint32_t id) { return id == 0 ? Json(nullptr) : Json(id); };
  return {{"pid", id_or_null(owner.pid)},
          {"tid", id_or_null(owner.tid)},
          {"ns_pid", id_or_null(owner.ns_pid)},
          {"comm", text_or_null(owner.comm)},
          {"owner_source", owner_source_name(owner.source)},
          {"shared", owner.shared}};
}

Json retransmits_json(const model::RetransmitCounts& counts, std::uint64_t unseen) {
  Json out = Json::object();
  for (std::size_t i = 0; i < counts.size(); ++i)
    out[model::to_string(static_cast<model::RetransmitKind>(i))] = counts[i];
  out["unseen"] = unseen;
  return out;
}

Json resets_json(const model::ResetCounts& resets) { return {{"sent", resets.sent}, {"received", resets.received}}; }

void append_totals(Json& out, const model::Totals& totals) {
  out["sockets_seen"] = totals.sockets_seen;
  out["sockets_open_peak"] = totals.sockets_open_peak;
  out["sockets_open_at_end"] = totals.sockets_open_at_end;
  out["connects"] = totals.connects;
  Json outcomes = Json::object();
  for (std::size_t i = 0; i < totals.connect_outcomes.size(); ++i) {
    outcomes[model::to_string(static_cast<model::ConnectOutcome>(i))] = totals.connect_outcomes[i];
  }
  out["connect_outcomes"] = std::move(outcomes);
  out["retransmits"] = retransmits_json(totals.retransmits, totals.retransmits_unseen);
  out["retransmitted_segments"] = totals.retransmitted_segments;
  out["spurious_retransmits"] = or_null(totals.spurious_retransmits);
  out["retransmit_failures"] = {{"busy", or_null(totals.retransmit_failures.busy)},
                                {"other", or_null(totals.retransmit_failures.other)}};
  out["out_of_order_segments"] = or_null(totals.out_of_order_segments);
  out["recovered_in"] = or_null(totals.recovered_in);
  out["reordered_in"] = or_null(totals.reordered_in);
  out["resets"] = resets_json(totals.resets);
  Json reasons = nullptr;
  if (totals.reset_reasons_known) {
    reasons = Json::object();
    for (const auto& [name, count] : totals.reset_reasons) reasons[valid_utf8(name)] = count;
  }
  out["reset_reasons"] = std::move(reasons);
  Json phases = Json::object();
  for (std::size_t i = 0; i < totals.reset_phases.size(); ++i) {
    phases[model::to_string(static_cast<model::Phase>(i))] = or_null(totals.reset_phases[i]);
  }
  out["reset_phases"] = std::move(phases);
  Json drops = nullptr;
  if (totals.drops_known) {
    drops = Json::object();
    for (std::size_t way = 0; way < model::kDropWays; ++way) {
      Json& by_reason = drops[model::to_string(static_cast<model::DropWay>(way))] = Json::object();
      for (const auto& [reason, count] : totals.drops[way]) by_reason[valid_utf8(reason)] = count.packets;
    }
  }
  out["drops"] = std::move(drops);
  out["listen_overflows"] = or_null(totals.listen_overflows);
  out["listen_drops"] = or_null(totals.listen_drops);
  out["bytes_sent"] = totals.bytes_sent;
  out["bytes_received"] = totals.bytes_received;
  out["segments_sent"] = or_null(totals.segments_sent);
  out["segments_received"] = or_null(totals.segments_received);
  out["exchanges"] = totals.exchanges;
  out["exchanges_failed"] = totals.exchanges_failed;
  out["exchanges_pending"] = totals.exchanges_pending;
  out["zero_window_sent_us"] = or_null(totals.zero_window_sent_us);
  out["zero_window_received_us"] = or_null(totals.zero_window_received_us);
}

Json histogram_json(const model::Histogram& histogram) {
  const auto percentile = [&](double q) {
    return histogram.count() == 0 ? Json(nullptr) : or_null(histogram.percentile(q));
  };
  const auto mean = histogram.mean();
  Json buckets = Json::array();
  for (std::size_t i = histogram.first_bucket(); i < histogram.end_bucket(); ++i) {
    const std::uint64_t n = histogram.count_in(i);
    if (n > 0) buckets.push_back(Json::array({model::Histogram::low_of(i), model::Histogram::high_of(i), n}));
  }
  Json out = Json::object();
  out["unit"] = "us";
  out["count"] = histogram.count();
  out["sum"] = histogram.sum();
  out["min"] = or_null(histogram.min());
  out["mean"] = mean && histogram.count() > 0 ? Json(to_thousandths(*mean)) : Json(nullptr);
  out["p50"] = percentile(0.50);
  out["p90"] = percentile(0.90);
  out["p95"] = percentile(0.95);
  out["p99"] = percentile(0.99);
  out["max"] = or_null(histogram.max());
  out["relative_error"] = model::Histogram::kRelativeError;
  out["buckets"] = std::move(buckets);
  return out;
}

Json histograms_json(const model::EndpointPicture& endpoint) {
  const model::HistogramMap& histograms = endpoint.histograms;
  Json out = Json::object();
  for (const model::Measure measure : model::kAllMeasures) {
    const auto found = histograms.find(measure);
    Json& entry = out[model::to_string(measure)];
    if (found == histograms.end()) continue;
    entry = histogram_json(found->second);
    if (measure == model::Measure::kPathQueue) entry["ambiguous"] = endpoint.path_queue_ambiguous;
  }
  return out;
}

Json series_json(const model::Series& series) {
  Json out = Json::object();
  out["start_offset_us"] = series.start_offset_us;
  out["interval_s"] = series.interval_s;
  out["n"] = series.n;
  for (std::size_t id = 0; id < model::kSeriesInfos.size(); ++id) {
    if (!model::kSeriesInfos[id].is_reported) continue;
    Json values = Json::array();
    const model::Series::Values* found = series.find(static_cast<model::SeriesId>(id));
    for (std::size_t i = 0; i < series.n; ++i) {
      const bool is_known = found != nullptr && i < found->size();
      values.push_back(is_known ? or_null((*found)[i]) : Json(nullptr));
    }
    out[model::kSeriesInfos[id].name] = std::move(values);
  }
  return out;
}

}  // namespace tcpdiag::report
