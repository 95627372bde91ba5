#include "tests/bench/instructions.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace billbroker {
namespace {

constexpr int kFewCalls = 200;

// Returns the total in the file that callgrind writes at the end.
absl::StatusOr<std::int64_t> TotalOf(const std::string& file) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    absl::string_view rest = line;
    std::int64_t total = 0;
    if (absl::ConsumePrefix(&rest, "totals: ") && absl::SimpleAtoi(rest, &total)) return total;
  }
  return absl::NotFoundError(absl::StrCat("callgrind wrote no totals to ", file));
}

absl::StatusOr<std::int64_t> Count(const std::string& folder, int calls, const CountedRun& run) {
  const std::string file = absl::StrCat(folder, "/callgrind.", calls);
  std::filesystem::remove(file);
  const absl::Status status =
      run({"valgrind", "--quiet", "--tool=callgrind", absl::StrCat("--callgrind-out-file=", file)},
          calls);
  if (!status.ok()) return status;
  return TotalOf(file);
}

}  // namespace

absl::StatusOr<double> InstructionsPerCall(const std::string& folder, int calls,
                                           const CountedRun& run) {
  const absl::StatusOr<std::int64_t> few = Count(folder, kFewCalls, run);
  if (!few.ok()) return few.status();
  const absl::StatusOr<std::int64_t> many = Count(folder, kFewCalls + calls, run);
  if (!many.ok()) return many.status();
  return static_cast<double>(*many - *few) / calls;
}

}  // namespace billbroker
