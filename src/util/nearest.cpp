// SPDX-License-Identifier: Apache-2.0
#include "util/nearest.h"

#include <algorithm>
#include <cstddef>

namespace tcpdiag {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Insertions, deletions, replacements and swaps of neighbours that make `a` into `b` (optimal string alignment
// distance: Levenshtein's with Damerau's swap, no part edited twice). Row by row; a swap looks two rows back.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> two_back(b.size() + 1), back(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) back[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = back[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, back[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], two_back[j - 2] + 1);
    }
    two_back.swap(back);
    back.swap(row);
  }
  return back[b.size()];
}

bool is_short_option(std::string_view text) { return text.size() == 2 && text[0] == '-' && text[1] != '-'; }

std::string_view word_of(std::string_view option) {
  return option.substr(std::min(option.find_first_not_of('-'), option.size()));
}

}  // namespace

std::vector<std::string> nearest(std::string_view typed, const std::vector<std::string>& known) {
  std::vector<std::string> found;
  const std::string_view word = word_of(typed);
  std::size_t best = 1 + word.size() / 3;
  for (const std::string& candidate : known) {
    const std::string_view candidate_word = word_of(candidate);
    if (is_short_option(typed) || is_short_option(candidate)) {
      if (typed.size() == 2 && candidate.size() == 2 && lower(typed[1]) == lower(candidate[1]))
        found.push_back(candidate);
      continue;
    }
    if (candidate_word.size() > 64 || word.size() > 64) continue;  // somebody's data, no slip
    const std::size_t distance = edit_distance(word, candidate_word);
    if (distance < best) found.clear();
    if (distance <= best && distance * 3 <= std::max(word.size(), candidate_word.size())) {
      best = distance;
      found.push_back(candidate);
    }
  }
  if (!found.empty() || word.size() < 3) return found;
  std::ranges::copy_if(known, std::back_inserter(found),
                       [word](const std::string& candidate) { return candidate.find(word) != std::string::npos; });
  return found;
}

}  // namespace tcpdiag
