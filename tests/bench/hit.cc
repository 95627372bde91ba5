#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/bench_environment.h"
#include "tests/bench/benches.h"
#include "tests/bench/instructions.h"
#include "tests/simulator/generated_world.h"

namespace billbroker {
namespace {

constexpr BenchWorld kHitWorld;

struct Sizes {
  int rounds;
  int calls;          // per round and level
  int counted_calls;  // by callgrind; 0: none
};
constexpr Sizes kFull = {15, 10'000, 10'000};
constexpr Sizes kQuick = {1, 200, 0};

struct Server {
  const char* name;
  std::shared_ptr<grpc::Channel> channel;
  std::map<int, std::vector<LoadResult>> results;  // by calls in flight; one result per round
};

Load LoadOf(int calls, int in_flight) {
  return {billsim::GeneratedOrganizationId(0), calls, in_flight};
}

// Each round calls every server, and each starts with another one, so that other work of the
// machine affects all servers alike.
absl::Status RunRounds(const Sizes& sizes, std::vector<Server>& servers) {
  for (int round = 0; round < sizes.rounds; ++round) {
    for (const int in_flight : {1, 16, 64}) {
      for (std::size_t i = 0; i < servers.size(); ++i) {
        Server& server = servers[(i + static_cast<std::size_t>(round)) % servers.size()];
        const int calls = in_flight == 1 ? sizes.calls / 4 : sizes.calls;
        const absl::StatusOr<LoadResult> result = RunLoad(server.channel, LoadOf(calls, in_flight));
        if (!result.ok()) return result.status();
        server.results[in_flight].push_back(*result);
      }
    }
  }
  return absl::OkStatus();
}

using Measure = absl::Duration LoadResult::*;

// Returns the `measure` of `a` divided by the `measure` of `b`, for each round.
std::vector<double> Ratios(const Server& a, const Server& b, int in_flight, Measure measure) {
  std::vector<double> ratios;
  for (std::size_t round = 0; round < a.results.at(in_flight).size(); ++round) {
    ratios.push_back(absl::FDivDuration(a.results.at(in_flight)[round].*measure,
                                        b.results.at(in_flight)[round].*measure));
  }
  return ratios;
}

absl::Status CountedBroker(TestEnvironment& env, const std::vector<std::string>& wrapper, int calls,
                           int in_flight) {
  env.StopBroker();
  env.StartBroker(wrapper);
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = ConnectTo(env.socket());
  if (!channel.ok()) return channel.status();
  const absl::Status status = RunLoad(*channel, LoadOf(calls, in_flight)).status();
  env.StopBroker();
  env.StartBroker();
  return status;
}

absl::Status CountedBare(const TestEnvironment& env, const std::vector<std::string>& wrapper,
                         int calls, int in_flight) {
  const auto bare = BareService::Start(env, billsim::GeneratedOrganizationId(0), wrapper);
  if (!bare.ok()) return bare.status();
  const absl::Status status = RunLoad((*bare)->channel(), LoadOf(calls, in_flight)).status();
  (*bare)->Stop();
  return status;
}

absl::StatusOr<double> InstructionRatio(TestEnvironment& env, int calls, int in_flight) {
  const absl::StatusOr<double> broker =
      InstructionsPerCall(env.File(""), calls, [&](const std::vector<std::string>& wrapper, int n) {
        return CountedBroker(env, wrapper, n, in_flight);
      });
  if (!broker.ok()) return broker;
  const absl::StatusOr<double> bare =
      InstructionsPerCall(env.File(""), calls, [&](const std::vector<std::string>& wrapper, int n) {
        return CountedBare(env, wrapper, n, in_flight);
      });
  if (!bare.ok()) return bare;
  Say(absl::StrFormat("server instructions a call, %d in flight: broker %.0f, bare %.0f", in_flight,
                      *broker, *bare));
  return *broker / *bare;
}

// Options for a broker that writes an audit entry for each session that it returns.
TestEnvironment::Options Audited() {
  TestEnvironment::Options options = OptionsFor(kHitWorld);
  options.config += "session_reads = \"all\"\n";  // in the table [audit], which comes last
  return options;
}

// Returns how many returned sessions the audit log counted instead of writing an entry for each.
std::uint64_t Dropped(const TestEnvironment& env) {
  std::ifstream log(env.File("state/audit.jsonl"));
  std::uint64_t dropped = 0;
  for (std::string line; std::getline(log, line);) {
    const nlohmann::json json = nlohmann::json::parse(line);
    if (json["kind"] == "dropped") dropped += json["lost"].get<std::uint64_t>();
  }
  return dropped;
}

double Least(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}

double Greatest(const std::vector<double>& values) {
  return *std::max_element(values.begin(), values.end());
}

// Compares the servers that BenchHit() starts: bare, broker, bare again, audited. The figures of
// the second bare service against the first one, "aa_...", are the noise of the machine. The first
// figure is filled in later.
Figures Compare(const std::vector<Server>& servers) {
  const Server& bare = servers[0];
  const Server& broker = servers[1];
  const Server& again = servers[2];
  const Server& audited = servers[3];
  Figures figures = {{"instr_ratio", 0}};
  Figures noise;
  Say("throughput against the bare service: median (least to greatest) of the rounds");
  for (const int in_flight : {1, 16, 64}) {
    const std::vector<double> ratios = Ratios(bare, broker, in_flight, &LoadResult::took);
    const std::vector<double> aa = Ratios(bare, again, in_flight, &LoadResult::took);
    Say(absl::StrCat("  ", in_flight, " in flight: broker ", WithSpread(ratios),
                     ", the bare service again ", WithSpread(aa), ", with reads audited ",
                     WithSpread(Ratios(bare, audited, in_flight, &LoadResult::took))));
    figures.emplace_back(absl::StrCat("ratio_", in_flight), Median(ratios));
    noise.emplace_back(absl::StrCat("aa_", in_flight, "_least"), Least(aa));
  }
  const std::vector<double> p99 = Ratios(broker, bare, 16, &LoadResult::p99);
  const std::vector<double> p99_aa = Ratios(again, bare, 16, &LoadResult::p99);
  Say(absl::StrCat("p99 latency, 16 in flight: broker ", WithSpread(p99),
                   ", the bare service again ", WithSpread(p99_aa)));
  figures.emplace_back("p99_ratio_16", Median(p99));
  figures.emplace_back("aa_16", Median(Ratios(bare, again, 16, &LoadResult::took)));
  figures.emplace_back("audited_ratio_16", Median(Ratios(bare, audited, 16, &LoadResult::took)));
  noise.emplace_back("aa_p99_16_greatest", Greatest(p99_aa));
  figures.insert(figures.end(), noise.begin(), noise.end());
  return figures;
}

}  // namespace

absl::StatusOr<Figures> BenchHit(const BenchOptions& options) {
  const Sizes sizes = options.quick ? kQuick : kFull;
  TestEnvironment env(OptionsFor(kHitWorld));
  env.StartBroker();
  if (absl::Status status = CreateCredentials(env, kHitWorld); !status.ok()) return status;
  const auto bare = BareService::Start(env, billsim::GeneratedOrganizationId(0));
  if (!bare.ok()) return bare.status();
  const auto again = BareService::Start(env, billsim::GeneratedOrganizationId(0));
  if (!again.ok()) return again.status();
  TestEnvironment audited(Audited());
  audited.StartBroker();
  if (absl::Status status = CreateCredentials(audited, kHitWorld); !status.ok()) return status;
  const auto recording = ConnectTo(audited.socket());
  if (!recording.ok()) return recording.status();
  const auto broker = ConnectTo(env.socket());
  if (!broker.ok()) return broker.status();

  std::vector<Server> servers = {{"bare", (*bare)->channel(), {}},
                                 {"broker", *broker, {}},
                                 {"bare again", (*again)->channel(), {}},
                                 {"audited", *recording, {}}};
  const Sizes warm_up = {1, sizes.calls / 10 + 64, 0};
  if (absl::Status status = RunRounds(warm_up, servers); !status.ok()) return status;
  for (Server& server : servers) server.results.clear();
  if (absl::Status status = RunRounds(sizes, servers); !status.ok()) return status;

  Figures figures = Compare(servers);
  audited.StopBroker();
  Say(absl::StrCat("session reads that the audit log counted instead of writing them: ",
                   Dropped(audited)));
  if (sizes.counted_calls > 0) {
    for (const int in_flight : {1, 16}) {
      const absl::StatusOr<double> ratio = InstructionRatio(env, sizes.counted_calls, in_flight);
      if (!ratio.ok()) return ratio.status();
      figures[0].second = std::max(figures[0].second, *ratio);
    }
  }
  return figures;
}

}  // namespace billbroker
