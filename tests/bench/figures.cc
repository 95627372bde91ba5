#include "tests/bench/figures.h"

#include <algorithm>
#include <iostream>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace billbroker {

std::string OneLine(const Figures& figures) {
  return absl::StrJoin(figures, " ", [](std::string* out, const Figures::value_type& figure) {
    const bool whole = figure.second == static_cast<std::int64_t>(figure.second);
    absl::StrAppendFormat(out, whole ? "%s=%.0f" : "%s=%.4g", figure.first, figure.second);
  });
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::string WithSpread(const std::vector<double>& values) {
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  return absl::StrFormat("%.3f (%.3f to %.3f)", Median(values), *least, *greatest);
}

void Say(absl::string_view line) { std::cout << line << std::endl; }

}  // namespace billbroker
