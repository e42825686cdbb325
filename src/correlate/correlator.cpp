// SPDX-License-Identifier: Apache-2.0
// The correlator's face; the work is in events.cpp, samples.cpp, keep.cpp and assemble.cpp.
#include "correlate/correlator.h"

#include "correlate/assemble.h"
#include "correlate/snapshot.h"
#include "correlate/state.h"

namespace tcpdiag::correlate {

struct Correlator::Impl {
  explicit Impl(Limits limits) : state(limits) {}
  State state;
};

Correlator::Correlator(Limits limits) : impl_(std::make_unique<Impl>(limits)) {}
Correlator::~Correlator() = default;

void Correlator::on_event(const model::Event& event) { apply_event(impl_->state, event); }

void Correlator::on_sample(const model::Sample& sample) { apply_sample(impl_->state, sample); }

const std::optional<model::TraceStart>& Correlator::start() const { return impl_->state.start; }

std::uint64_t Correlator::failures() const { return impl_->state.failures; }

model::Snapshot Correlator::snapshot(model::MonoTime now, model::Duration window) const {
  return make_snapshot(impl_->state, now, window);
}

model::Picture Correlator::picture_at(model::MonoTime now) const { return assemble(impl_->state, now); }

model::Picture Correlator::finish() const {
  const State& state = impl_->state;
  if (state.end) return assemble(state, state.end->at);
  // The source broke off.
  model::Picture picture = assemble(state, state.newest_at);
  picture.window.ended_by = model::EndedBy::kError;
  picture.window.partial = true;
  return picture;
}

}  // namespace tcpdiag::correlate
