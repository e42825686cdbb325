// SPDX-License-Identifier: Apache-2.0
// Takes out what a report must not show to others: addresses, names of the host, of processes, cgroups, namespaces,
// devices and files, names that were looked up, and the command line. It stands between the source and everything
// behind it, so that no renderer ever sees an original.
//
// Tokens are counted up in the order of appearance, the same original always the same token: addresses keep whether
// they are IPv4 or IPv6, and private, public, loopback or link-local (model::Address::redacted). Ports, times, sizes
// and process numbers stay.
//
// A stream that was redacted says so in TraceStart::abilities (kOriginals). In it tokens stay what they are, so that
// redacting twice, or a part of a redacted recording, changes nothing; in any other stream what looks like a token is
// replaced like everything else.
//
// One Redactor may take several streams, one after the other: an original that is in more than one of them has one
// token. Of streams of which some were redacted before, the tokens that came with them stay, and others are counted
// beside them.
#pragma once

#include <memory>
#include <string_view>

#include "model/report.h"
#include "model/sink.h"
#include "redact/own_words.h"

namespace tcpdiag::redact {

// The feature that a redacted stream lacks.
inline constexpr std::string_view kOriginals = "names_and_addresses";
bool is_redacted(const model::TraceStart& start);

class Redactor : public model::Sink {
 public:
  explicit Redactor(OwnWords own);  // lead_to() comes first
  Redactor(OwnWords own, model::Sink& next);
  ~Redactor() override;

  // Where the next stream is emitted.
  void lead_to(model::Sink& next);
  // A stream that was redacted before is among those that follow, not only the next one.
  void expect_tokens();

  void on_event(const model::Event& event) override;
  void on_sample(const model::Sample& sample) override;
  // The same tokens for what was typed to narrow the report. To be called after TraceStart was emitted, best at the
  // end: what is met here first is counted here.
  model::View view(const model::View& view);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tcpdiag::redact
