#include "tests/bench/figures.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace billbroker {

std::string FigureText(double value) {
  return value == std::floor(value) ? absl::StrFormat("%.0f", value)
                                    : absl::StrFormat("%.4g", value);
}

std::string OneLine(const Figures& figures) {
  return absl::StrJoin(figures, " ", [](std::string* out, const Figures::value_type& figure) {
    absl::StrAppend(out, figure.first, "=", FigureText(figure.second));
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
