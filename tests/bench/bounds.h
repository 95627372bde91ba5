// The bounds of the benches' figures, in one table. docs/performance.md explains them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/bench/figures.h"

namespace billbroker {

enum class BoundKind { kAtMost, kAtLeast, kExactly };

struct Bound {
  const char* bench;
  const char* figure;
  BoundKind kind;
  double limit;
  // A figure of the same run that measures the noise of the machine. If its value is wider than
  // `limit`, it is the limit. Null: none.
  const char* or_within = nullptr;
};

// One figure of a bench with its bound.
struct CheckedFigure {
  std::string name;
  std::optional<double> value;  // nullopt: the bench did not report it
  std::string bound;            // "<= 1.05"; empty if the figure has no bound
  bool ok = true;
};

// Returns the figures of `bench` in their order, followed by the bounded ones that are missing from
// `figures`, which are not ok.
[[nodiscard]] std::vector<CheckedFigure> CheckFigures(const std::string& bench,
                                                      const Figures& figures);

}  // namespace billbroker
