#include "tests/bench/suite.h"

#include <iostream>

#include "absl/strings/str_format.h"
#include "tests/bench/bounds.h"

namespace billbroker {
namespace {

std::string Row(const std::string& bench, const std::string& figure, const std::string& value,
                const std::string& bound, const std::string& result) {
  return absl::StrFormat("%-9s %-19s %10s  %-9s  %s\n", bench, figure, value, bound, result);
}

}  // namespace

int RunBench(const Bench& bench, const BenchOptions& options) {
  const absl::StatusOr<Figures> figures = bench.run(options);
  if (!figures.ok()) {
    std::cerr << "bench " << bench.name << ": " << figures.status() << "\n";
    return 1;
  }
  std::cout << OneLine(*figures) << std::endl;
  return 0;
}

int RunAllBenches(const std::vector<Bench>& benches, const BenchOptions& options,
                  std::ostream& out) {
  std::string table = Row("bench", "figure", "value", "bound", "result");
  int failures = 0;
  for (const Bench& bench : benches) {
    Say("== " + bench.name + ": " + bench.description);
    const absl::StatusOr<Figures> figures = bench.run(options);
    if (!figures.ok()) {
      ++failures;
      table += Row(bench.name, "-", "-", "-", "FAIL: " + figures.status().ToString());
      continue;
    }
    for (const CheckedFigure& figure : CheckFigures(bench.name, *figures)) {
      if (!figure.ok) ++failures;
      table += Row(bench.name, figure.name,
                   figure.value.has_value() ? FigureText(*figure.value) : "missing",
                   figure.bound.empty() ? "-" : figure.bound,
                   figure.bound.empty() ? "-" : (figure.ok ? "ok" : "FAIL"));
    }
  }
  out << table << std::flush;
  return failures == 0 ? 0 : 1;
}

}  // namespace billbroker
