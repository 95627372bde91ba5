// billbroker_bench: measures. `./dev bench NAME` builds and runs it.
#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "tests/bench/benches.h"

namespace billbroker {
namespace {

struct Bench {
  const char* name;
  const char* what;
  absl::StatusOr<Figures> (*run)(const BenchOptions&);
};

constexpr Bench kBenches[] = {
    {"hit", "GetSession of a live session against a bare gRPC service", BenchHit},
    {"stampede", "10,000 callers of one cold organization", BenchStampede},
    {"cold", "10,000 cold organizations at once", BenchCold},
    {"memory", "resident bytes of each of 100,000 live sessions", BenchMemory},
    {"restart", "a broker that was killed with 10,000 sessions", BenchRestart},
    {"rotate", "a rotation of a credential of 10,000 organizations", BenchRotate},
    {"residue", "secrets left in memory by 50 credentials, with and without wiping", BenchResidue},
    {"watch", "1,000 streams that watch one organization", BenchWatch},
};

int Run(const std::string& name, const BenchOptions& options) {
  for (const Bench& bench : kBenches) {
    if (bench.name != name) continue;
    const absl::StatusOr<Figures> figures = bench.run(options);
    if (!figures.ok()) {
      std::cerr << "bench " << name << ": " << figures.status() << "\n";
      return 1;
    }
    std::cout << OneLine(*figures) << "\n";
    return 0;
  }
  if (!name.empty()) std::cerr << "there is no bench \"" << name << "\"\n";
  for (const Bench& bench : kBenches) {
    std::cerr << "  " << bench.name << std::string(10 - std::string(bench.name).size(), ' ')
              << bench.what << "\n";
  }
  return 2;
}

}  // namespace
}  // namespace billbroker

int main(int argc, char** argv) {
  CLI::App app(
      "billbroker_bench: measures the broker on real parts; the last line is for machines");
  std::string name;
  billbroker::BenchOptions options;
  app.add_option("name", name, "which bench; none lists them");
  app.add_flag("--quick", options.quick, "sizes that only show that it runs");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // --help is one too
    return app.exit(error) == 0 ? 0 : 2;
  }
  return billbroker::Run(name, options);
}
