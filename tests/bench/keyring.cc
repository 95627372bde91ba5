#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/bench/bench_environment.h"
#include "tests/bench/benches.h"
#include "tests/support/seeded_random.h"
#include "tests/support/stub_secret_service.h"

namespace billbroker {
namespace {

constexpr absl::Duration kFaultTime = absl::Seconds(3);  // more than one probe of the broker
constexpr absl::Duration kLongestRecovery = absl::Minutes(1);
constexpr absl::Duration kPoll = absl::Milliseconds(20);

// Returns the time from now until the broker reports the keyring as ready and reads the credential.
absl::StatusOr<double> MeasureRecovery(TestEnvironment& env) {
  const absl::Time began = absl::Now();
  while (absl::Now() - began < kLongestRecovery) {
    const absl::StatusOr<v1::GetStatusResponse> status = env.admin().GetStatus();
    if (!status.ok()) return status.status();
    const absl::StatusOr<v1::Credential> credential = env.credentials().Get("user-0");
    if (status->vault().state() == v1::VAULT_STATE_READY && credential.ok() &&
        env.credentials().Verify(VersionOf(*credential), "").ok()) {
      return absl::ToDoubleSeconds(absl::Now() - began);
    }
    absl::SleepFor(kPoll);
  }
  return absl::DeadlineExceededError("the keyring did not become ready");
}

}  // namespace

absl::StatusOr<Figures> BenchKeyring(const BenchOptions& options) {
  const BenchWorld world = {10, 1};
  TestEnvironment::Options environment = OptionsFor(world);
  environment.keyring = PrivateBus::Start::kBus;
  environment.keyring_timeout = absl::Seconds(3);
  TestEnvironment env(environment);
  StubSecretService stub(env.bus().address());
  env.StartBroker();
  if (absl::Status status = CreateCredentials(env, world); !status.ok()) return status;
  SeededRandom random;
  std::vector<double> seconds;
  const int rounds = options.quick ? 2 : 20;
  for (int i = 0; i < rounds; ++i) {
    (void)stub.InjectRandom(random);
    absl::SleepFor(kFaultTime);
    stub.Heal();
    const absl::StatusOr<double> recovered = MeasureRecovery(env);
    if (!recovered.ok()) return recovered.status();
    seconds.push_back(*recovered);
  }
  Say(absl::StrFormat("after %d random faults of the keyring, ready again in %s s", rounds,
                      WithSpread(seconds)));
  return Figures{{"ready_s", Median(seconds)},
                 {"longest_ready_s", *std::max_element(seconds.begin(), seconds.end())}};
}

}  // namespace billbroker
