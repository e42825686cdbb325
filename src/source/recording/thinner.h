// SPDX-License-Identifier: Apache-2.0
// Makes room in a recording that has reached its size by taking out samples that others stand for.
//
// Idea: samples of endpoints, namespaces and devices hold sums since the start of the trace, so that one less costs
// resolution and no total. A pass goes from the oldest to the newest and takes out every second turn (the samples that
// were read together); it stops where there is room enough and goes on there the next time. After a whole pass the
// resolution is halved everywhere, and the next one begins. Of each generation of an endpoint, each namespace and
// device the first and the last sample stay.
//
// Turns go as a whole because they lie together in the file: one row here and there would free no page of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "source/recording/database.h"
#include "source/recording/histogram_row.h"
#include "source/recording/table_sums.h"

namespace tcpdiag::recording {

class Thinner {
 public:
  // Nothing where SQLite refuses a statement.
  static std::optional<Thinner> prepare(const Database& database);

  struct Batch {
    std::size_t looked_at = 0;  // samples; 0: there is none to look at any more
    std::size_t taken_out = 0;
  };
  // Looks at some hundred samples, inside the caller's transaction. Where that is rolled back, call restart().
  // Nothing on an error of SQLite. `sums` follows what is taken out.
  std::optional<Batch> thin_batch(TableSums& sums);
  // Whether a whole pass over all samples has ended since this was last asked.
  bool passed();
  void restart();

 private:
  struct Kind {        // of samples
    Statement next;    // samples beyond one: seq and what they are a sample of
    Statement whole;   // one
    Statement remove;  // it
  };
  struct Seen {
    std::int64_t turn = 0;
    std::int64_t taken_out = 0;  // seq of a sample that goes as soon as a later one of the same is met; 0: none
  };

  Thinner() = default;
  int take_out(Kind& kind, std::int64_t sample, std::int64_t next, TableSums& sums);
  int move_histograms(std::int64_t sample, std::int64_t next, TableSum& sum);

  std::vector<Kind> kinds_;
  Statement histograms_of_;
  Statement move_histogram_;
  Statement remove_histogram_;
  Statement replace_histogram_;
  std::size_t kind_ = 0;    // where the pass is
  std::int64_t after_ = 0;  // seq
  std::int64_t turn_ = 0;
  bool passed_ = false;
  std::map<std::string, Seen> seen_;  // in this pass, of this kind
};

}  // namespace tcpdiag::recording
