#include "tests/bench/bounds.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

using enum BoundKind;

// Counts and instructions are the same on every machine. Times are not: a bound on a time or a
// ratio of times leaves room for a machine that is shared.
constexpr Bound kBounds[] = {
    {"hit", "instr_ratio", kAtMost, 1.05},
    {"hit", "ratio_1", kAtLeast, 0.95, "aa_1_least"},
    {"hit", "ratio_16", kAtLeast, 0.95, "aa_16_least"},
    {"hit", "ratio_64", kAtLeast, 0.95, "aa_64_least"},
    {"hit", "p99_ratio_16", kAtMost, 1.10, "aa_p99_16_greatest"},
    {"stampede", "sign_ins", kExactly, 1},
    {"stampede", "last_vs_bare", kAtMost, 2},
    {"cold", "vs_libcurl", kAtMost, 1.10},
    {"memory", "bytes_per_session", kAtMost, 2048},
    {"restart", "sign_ins", kExactly, 0},
    {"restart", "ready_ms", kAtMost, 1000},
    {"rotate", "keyring_writes", kExactly, 2},
    {"rotate", "unverified_writes", kExactly, 1},
    {"keyring", "ready_s", kAtMost, 5},
    {"residue", "residue", kExactly, 0},
    {"residue", "residue_unwiped", kAtLeast, 1},
    {"watch", "all_told_ms", kAtMost, 250},
    {"scale", "hit_100k_vs_1k", kAtMost, 1.5},
    {"scale", "join_100k_vs_1k", kAtMost, 1.5},
    {"scale", "page_100k_vs_1k", kAtMost, 1.5},
    {"scale", "status_100k_vs_1k", kAtMost, 1.5},
};

std::optional<double> ValueOf(const Figures& figures, const std::string& name) {
  for (const auto& [figure, value] : figures) {
    if (figure == name) return value;
  }
  return std::nullopt;
}

const Bound* FindBound(const std::string& bench, const std::string& figure) {
  for (const Bound& bound : kBounds) {
    if (bench == bound.bench && figure == bound.figure) return &bound;
  }
  return nullptr;
}

double LimitOf(const Bound& bound, const Figures& figures) {
  if (bound.or_within == nullptr) return bound.limit;
  const double noise = ValueOf(figures, bound.or_within).value_or(bound.limit);
  return bound.kind == kAtLeast ? std::min(bound.limit, noise) : std::max(bound.limit, noise);
}

CheckedFigure CheckFigure(const Bound& bound, const Figures& figures) {
  const double limit = LimitOf(bound, figures);
  CheckedFigure checked = {bound.figure, ValueOf(figures, bound.figure), "", false};
  switch (bound.kind) {
    case kAtMost:
      checked.bound = absl::StrCat("<= ", FigureText(limit));
      checked.ok = checked.value <= limit;
      break;
    case kAtLeast:
      checked.bound = absl::StrCat(">= ", FigureText(limit));
      checked.ok = checked.value >= limit;
      break;
    case kExactly:
      checked.bound = absl::StrCat("= ", FigureText(limit));
      checked.ok = checked.value == limit;
      break;
  }
  checked.ok = checked.ok && checked.value.has_value();
  return checked;
}

}  // namespace

std::vector<CheckedFigure> CheckFigures(const std::string& bench, const Figures& figures) {
  std::vector<CheckedFigure> checked;
  for (const auto& [name, value] : figures) {
    const Bound* const bound = FindBound(bench, name);
    checked.push_back(bound == nullptr ? CheckedFigure{name, value, "", true}
                                       : CheckFigure(*bound, figures));
  }
  for (const Bound& bound : kBounds) {
    if (bench != bound.bench || ValueOf(figures, bound.figure).has_value()) continue;
    checked.push_back(CheckFigure(bound, figures));
  }
  return checked;
}

}  // namespace billbroker
