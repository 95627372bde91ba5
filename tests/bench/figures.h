// Figures: the results of a bench, and how they are printed.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace billbroker {

// Name and value, in the order in which they are printed.
using Figures = std::vector<std::pair<std::string, double>>;

// "3" or "0.9712": a whole number, or four significant digits.
[[nodiscard]] std::string FigureText(double value);

// "a=1 b=0.97".
[[nodiscard]] std::string OneLine(const Figures& figures);

// Both take at least one value.
[[nodiscard]] double Median(std::vector<double> values);
// Returns "0.970 (0.930 to 1.020)": the median, the least and the greatest.
[[nodiscard]] std::string WithSpread(const std::vector<double>& values);

// Prints one line for people.
void Say(absl::string_view line);

}  // namespace billbroker
