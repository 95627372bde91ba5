// Figures: what a bench found, and how it is told.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace billbroker {

// Name and value, in the order in which they are printed.
using Figures = std::vector<std::pair<std::string, double>>;

// "a=1 b=0.97"; four significant digits.
[[nodiscard]] std::string OneLine(const Figures& figures);

// Of at least one value.
[[nodiscard]] double Median(std::vector<double> values);

// "0.97 (0.93 to 1.02)": the median, the least and the greatest.
[[nodiscard]] std::string WithSpread(const std::vector<double>& values);

// One line for people.
void Say(absl::string_view line);

}  // namespace billbroker
