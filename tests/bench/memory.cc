#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "tests/bench/bench_environment.h"
#include "tests/bench/benches.h"

namespace billbroker {
namespace {

// Returns VmRSS of a process in bytes, or 0 if the process does not exist.
double ResidentBytes(pid_t pid) {
  std::ifstream in(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(in, line);) {
    absl::string_view rest = line;
    double kibibytes = 0;
    if (absl::ConsumePrefix(&rest, "VmRSS:") && absl::ConsumeSuffix(&rest, "kB") &&
        absl::SimpleAtod(rest, &kibibytes)) {
      return kibibytes * 1024;
    }
  }
  return 0;
}

}  // namespace

absl::StatusOr<Figures> BenchMemory(const BenchOptions& options) {
  const BenchWorld world = {options.quick ? 200 : 100'000, options.quick ? 4 : 20};
  TestEnvironment env(OptionsFor(world));
  env.StartBroker();
  if (absl::Status status = CreateCredentials(env, world); !status.ok()) return status;
  const double before = ResidentBytes(env.broker().pid());
  if (absl::Status status = GetAll(env, world); !status.ok()) return status;
  const double after = ResidentBytes(env.broker().pid());
  Say(
      absl::StrFormat("resident: %.1f MiB with %d credentials of %d organizations, %.1f MiB with a "
                      "live session of each",
                      before / (1 << 20), world.users, world.organizations, after / (1 << 20)));
  return Figures{{"bytes_per_session", (after - before) / world.organizations}};
}

}  // namespace billbroker
