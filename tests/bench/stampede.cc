#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/bench_environment.h"
#include "tests/bench/benches.h"
#include "tests/simulator/generated_world.h"

namespace billbroker {
namespace {

constexpr BenchWorld kStampedeWorld;
constexpr absl::Duration kStampedeLatency = absl::Milliseconds(200);
constexpr int kStampedeRounds = 5;

}  // namespace

absl::StatusOr<Figures> BenchStampede(const BenchOptions& options) {
  const std::string organization_id = billsim::GeneratedOrganizationId(0);
  const int callers = options.quick ? 100 : 10'000;
  const Load load = {organization_id, callers, callers};
  TestEnvironment env(OptionsFor(kStampedeWorld));
  env.StartBroker();
  if (absl::Status status = CreateCredentials(env, kStampedeWorld); !status.ok()) return status;
  env.bill().gateway().SetLatency(kStampedeLatency);
  const auto bare = BareService::Start(env, organization_id);
  if (!bare.ok()) return bare.status();
  const auto broker = ConnectTo(env.socket());
  if (!broker.ok()) return broker.status();

  std::vector<double> ratios;
  std::int64_t most_sign_ins = 0;
  for (int round = 0; round < kStampedeRounds; ++round) {
    const absl::StatusOr<LoadResult> alone = RunLoad((*bare)->channel(), load);
    if (!alone.ok()) return alone.status();
    if (const auto ended = env.admin().Logout(organization_id); !ended.ok()) {
      return ended.status();
    }
    const std::int64_t before = CountSignIns(env);
    const absl::StatusOr<LoadResult> stampede = RunLoad(*broker, load);
    if (!stampede.ok()) return stampede.status();
    most_sign_ins = std::max(most_sign_ins, CountSignIns(env) - before);
    const absl::Duration after_answer = stampede->ended - stampede->sign_in_time;
    Say(absl::StrFormat(
        "%d callers: the bare service %.0f ms; the broker %.0f ms in total, %.0f ms "
        "after BILL's answer",
        callers, absl::ToDoubleMilliseconds(alone->took),
        absl::ToDoubleMilliseconds(stampede->took), absl::ToDoubleMilliseconds(after_answer)));
    ratios.push_back(absl::FDivDuration(after_answer, alone->took));
  }
  Say(absl::StrCat(
      "time from BILL's answer to the last caller, divided by the time of the bare service: ",
      WithSpread(ratios)));
  return Figures{{"sign_ins", static_cast<double>(most_sign_ins)},
                 {"last_vs_bare", Median(ratios)}};
}

}  // namespace billbroker
