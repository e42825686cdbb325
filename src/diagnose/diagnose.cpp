// SPDX-License-Identifier: Apache-2.0
#include "diagnose/diagnose.h"

#include <utility>

#include "diagnose/evidence.h"
#include "diagnose/facts.h"
#include "diagnose/links.h"
#include "diagnose/look_ups.h"
#include "diagnose/order.h"
#include "diagnose/registry.h"
#include "diagnose/services.h"
#include "diagnose/slow_users.h"
#include "diagnose/verdict.h"

namespace tcpdiag::diagnose {
namespace {

std::vector<model::Finding> findings_of(const Facts& facts) {
  std::vector<Judged> judged = judge_all(facts);
  tell_of_slow_users(judged, facts);
  tell_of_look_ups(judged, facts);
  link(judged, facts.picture);
  join_services(judged, facts);
  std::vector<model::Finding> findings = in_order(std::move(judged), facts.picture);
  describe(findings, facts.picture);
  return findings;
}

}  // namespace

std::vector<model::Finding> diagnose(const model::Picture& picture) { return findings_of(Facts(picture)); }

model::Report make_report(model::Picture picture) {
  model::Report report;
  report.picture = std::move(picture);
  const Facts facts(report.picture);
  report.findings = findings_of(facts);
  report.verdict = verdict_of(facts, report.findings);
  report.summary = summary_of(facts, report.findings, report.verdict);
  report.not_visible = not_visible_in(report.picture);
  return report;
}

}  // namespace tcpdiag::diagnose
