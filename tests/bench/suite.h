// The list of benches, and the runs of one bench or of all of them.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "tests/bench/benches.h"

namespace billbroker {

struct Bench {
  std::string name;
  std::string description;
  absl::StatusOr<Figures> (*run)(const BenchOptions&);
};

// Runs one bench. The last line of its output has its figures, for programs. Returns the exit code:
// 1 if the bench failed. The bounds are not compared.
int RunBench(const Bench& bench, const BenchOptions& options);

// Runs all benches, one after the other, and writes a table of their figures and bounds to `out`.
// Returns the exit code: 1 if a bench failed or a figure missed its bound.
int RunAllBenches(const std::vector<Bench>& benches, const BenchOptions& options,
                  std::ostream& out);

}  // namespace billbroker
