// billbroker_bench: measures the built broker. `./dev bench NAME` builds and runs it.
#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/bench/suite.h"

namespace billbroker {
namespace {

std::vector<Bench> Benches() {
  return {
      {"hit", "GetSession of a live session against a bare gRPC service", BenchHit},
      {"stampede", "10,000 callers of one cold organization", BenchStampede},
      {"cold", "10,000 cold organizations at once", BenchCold},
      {"memory", "resident bytes of each of 100,000 live sessions", BenchMemory},
      {"restart", "a broker that was killed with 10,000 sessions", BenchRestart},
      {"rotate", "a rotation of a credential of 10,000 organizations", BenchRotate},
      {"keyring", "from the end of a keyring's fault until the broker uses it again", BenchKeyring},
      {"residue", "secrets left in memory by 50 credentials, with and without wiping",
       BenchResidue},
      {"watch", "1,000 streams that watch one organization", BenchWatch},
      {"scale", "a hit, a join, a page and the status with 1,000 to 100,000 slots", BenchScale},
  };
}

int Run(const std::string& name, const BenchOptions& options) {
  const std::vector<Bench> benches = Benches();
  if (name == "all") return RunAllBenches(benches, options, std::cout);
  for (const Bench& bench : benches) {
    if (bench.name == name) return RunBench(bench, options);
  }
  if (!name.empty()) std::cerr << "there is no bench \"" << name << "\"; the benches are:\n";
  for (const Bench& bench : benches) {
    std::cerr << absl::StrFormat("  %-9s %s\n", bench.name, bench.description);
  }
  std::cerr << absl::StrFormat("  %-9s %s\n", "all", "each of them, and a table with their bounds");
  return 2;
}

}  // namespace
}  // namespace billbroker

int main(int argc, char** argv) {
  CLI::App app(
      "billbroker_bench: measures the broker on real parts; the last line of a bench is key=value "
      "pairs");
  std::string name;
  billbroker::BenchOptions options;
  app.add_option("name", name, "which bench, or \"all\"; none lists them");
  app.add_flag("--quick", options.quick,
               "small sizes that only show that a bench runs; times then mean nothing");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // also thrown for --help
    return app.exit(error) == 0 ? 0 : 2;
  }
  return billbroker::Run(name, options);
}
