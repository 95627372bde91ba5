#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "nlohmann/json.hpp"
#include "tests/bench/bench_environment.h"
#include "tests/bench/benches.h"
#include "tests/simulator/generated_world.h"
#include "tests/simulator/https_client.h"

namespace billbroker {
namespace {

constexpr int kParallel = 64;
constexpr absl::Duration kSignInLatency = absl::Milliseconds(50);

// Returns how long the same sign-ins take with plain libcurl: `kParallel` at a time, each on its
// own connection, as the broker does.
absl::StatusOr<absl::Duration> SimulatorAlone(TestEnvironment& env, const BenchWorld& world) {
  std::atomic<int> next = 0;
  std::atomic<int> failed = 0;
  const absl::Time began = absl::Now();
  std::vector<std::thread> clients;
  for (int i = 0; i < kParallel; ++i) {
    clients.emplace_back([&] {
      for (int n = next++; n < world.organizations; n = next++) {
        const int user = n % world.users;
        billsim::HttpsClient client(env.bill().ca_file());
        const nlohmann::json body = {{"devKey", billsim::GeneratedDevKey(user)},
                                     {"username", billsim::GeneratedUsername(user)},
                                     {"password", billsim::GeneratedSecret(user)},
                                     {"organizationId", billsim::GeneratedOrganizationId(n)}};
        const std::string url = absl::StrCat(env.bill().base_url(), "/v3/login");
        if (client.Post(url, body.dump(), {"Content-Type: application/json"}).status != 200) {
          ++failed;
        }
      }
    });
  }
  for (std::thread& client : clients) client.join();
  if (failed > 0) return absl::InternalError(absl::StrCat(failed.load(), " sign-ins failed"));
  return absl::Now() - began;
}

struct ColdRound {
  absl::Duration alone;  // of plain libcurl, the mean of one run before the broker's and one after
  absl::Duration broker;
};

absl::StatusOr<ColdRound> MeasureCold(const BenchWorld& world, absl::Duration ideal) {
  TestEnvironment env(OptionsFor(world));
  env.StartBroker();
  if (absl::Status status = CreateCredentials(env, world); !status.ok()) return status;
  env.bill().gateway().SetLatency(kSignInLatency);
  const absl::StatusOr<absl::Duration> before = SimulatorAlone(env, world);
  if (!before.ok()) return before.status();
  const std::int64_t sign_ins = CountSignIns(env);
  const absl::Time began = absl::Now();
  if (absl::Status status = GetAll(env, world); !status.ok()) return status;
  const absl::Duration took = absl::Now() - began;
  const std::int64_t made = CountSignIns(env) - sign_ins;
  const absl::StatusOr<absl::Duration> after = SimulatorAlone(env, world);
  if (!after.ok()) return after.status();
  Say(absl::StrFormat(
      "%d organizations: ideal %.2f s; plain libcurl %.2f s before and %.2f s after; the broker "
      "%.2f s, %d sign-ins",
      world.organizations, absl::ToDoubleSeconds(ideal), absl::ToDoubleSeconds(*before),
      absl::ToDoubleSeconds(*after), absl::ToDoubleSeconds(took), made));
  return ColdRound{(*before + *after) / 2, took};
}

}  // namespace

absl::StatusOr<Figures> BenchCold(const BenchOptions& options) {
  // Two sign-ins of a user run at once, so 32 users would do. With twice as many, a user whose two
  // sign-ins are slow holds nobody up.
  const BenchWorld world = {options.quick ? 200 : 10'000, 64};
  const int rounds = options.quick ? 1 : 3;
  const absl::Duration ideal = kSignInLatency * world.organizations / kParallel;
  std::vector<double> ratios;
  std::vector<double> alone_ratios;
  std::vector<double> against_alone;
  for (int n = 0; n < rounds; ++n) {
    const absl::StatusOr<ColdRound> round = MeasureCold(world, ideal);
    if (!round.ok()) return round.status();
    ratios.push_back(absl::FDivDuration(round->broker, ideal));
    alone_ratios.push_back(absl::FDivDuration(round->alone, ideal));
    against_alone.push_back(absl::FDivDuration(round->broker, round->alone));
  }
  Say(absl::StrCat("by the ideal: the broker ", WithSpread(ratios), ", plain libcurl ",
                   WithSpread(alone_ratios), "; the broker by plain libcurl ",
                   WithSpread(against_alone)));
  return Figures{{"ratio_to_ideal", Median(ratios)},
                 {"simulator_ratio", Median(alone_ratios)},
                 {"vs_libcurl", Median(against_alone)}};
}

}  // namespace billbroker
