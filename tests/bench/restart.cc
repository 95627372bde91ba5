#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/bench/bench_environment.h"
#include "tests/bench/benches.h"

namespace billbroker {
namespace {

constexpr int kRestarts = 5;

}  // namespace

absl::StatusOr<Figures> BenchRestart(const BenchOptions& options) {
  const BenchWorld world = {options.quick ? 200 : 10'000, options.quick ? 4 : 32};
  TestEnvironment env(OptionsFor(world));
  env.StartBroker();
  if (absl::Status status = CreateCredentials(env, world); !status.ok()) return status;
  if (absl::Status status = GetAll(env, world); !status.ok()) return status;
  const std::int64_t before = CountSignIns(env);
  std::vector<double> ready_ms;
  for (int restart = 0; restart < kRestarts; ++restart) {
    env.KillBroker();
    const absl::Time began = absl::Now();
    env.StartBroker();
    ready_ms.push_back(absl::ToDoubleMilliseconds(absl::Now() - began));
    if (absl::Status status = GetAll(env, world); !status.ok()) return status;
  }
  const std::int64_t sign_ins = CountSignIns(env) - before;
  Say(
      absl::StrFormat("killed with %d sessions, ready after %s ms; all %d requested after each "
                      "start: %d sign-ins",
                      world.organizations, WithSpread(ready_ms), world.organizations, sign_ins));
  return Figures{{"sign_ins", static_cast<double>(sign_ins)}, {"ready_ms", Median(ready_ms)}};
}

}  // namespace billbroker
