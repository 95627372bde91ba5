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

}  // namespace

absl::StatusOr<Figures> BenchCold(const BenchOptions& options) {
  // Several users: BILL accepts three sign-ins of a user at a time.
  const BenchWorld world = {options.quick ? 200 : 10'000, 32};
  const int rounds = options.quick ? 1 : 3;
  const absl::Duration ideal = kSignInLatency * world.organizations / kParallel;
  std::vector<double> ratios;
  std::vector<double> alone_ratios;
  for (int round = 0; round < rounds; ++round) {
    TestEnvironment env(OptionsFor(world));
    env.StartBroker();
    if (absl::Status status = CreateCredentials(env, world); !status.ok()) return status;
    env.bill().gateway().SetLatency(kSignInLatency);
    const absl::StatusOr<absl::Duration> alone = SimulatorAlone(env, world);
    if (!alone.ok()) return alone.status();
    const std::int64_t before = CountSignIns(env);
    const absl::Time began = absl::Now();
    if (absl::Status status = GetAll(env, world); !status.ok()) return status;
    const absl::Duration took = absl::Now() - began;
    Say(absl::StrFormat(
        "%d organizations: ideal %.2f s; plain libcurl against the simulator %.2f "
        "s; the broker %.2f s, %d sign-ins",
        world.organizations, absl::ToDoubleSeconds(ideal), absl::ToDoubleSeconds(*alone),
        absl::ToDoubleSeconds(took), CountSignIns(env) - before));
    ratios.push_back(absl::FDivDuration(took, ideal));
    alone_ratios.push_back(absl::FDivDuration(*alone, ideal));
  }
  Say(absl::StrCat("by the ideal: the broker ", WithSpread(ratios), ", the simulator alone ",
                   WithSpread(alone_ratios)));
  return Figures{{"ratio_to_ideal", Median(ratios)}, {"simulator_ratio", Median(alone_ratios)}};
}

}  // namespace billbroker
