// billsim: a simulated BILL. README.md documents it.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "tests/simulator/bill_simulator.h"
#include "tests/simulator/json_fields.h"

namespace billbroker::billsim {
namespace {

struct Flags {
  std::string data_file;
  std::vector<std::string> settings;
  std::string state_dir;
  int port = 0;
  int control_port = 0;
  int latency_milliseconds = 0;
  CertificateKind certificate = CertificateKind::kGood;
  bool http2 = false;
  bool sample_data = false;
};

void Declare(CLI::App& app, Flags& flags) {
  const std::map<std::string, CertificateKind> kinds = {{"good", CertificateKind::kGood},
                                                        {"expired", CertificateKind::kExpired},
                                                        {"wrong-host", CertificateKind::kWrongHost},
                                                        {"other-ca", CertificateKind::kOtherCa}};
  app.add_option("--data", flags.data_file,
                 "JSON file of devKeys, organizations, users; else the sample")
      ->check(CLI::ExistingFile);
  app.add_option("--set", flags.settings, "One setting, as name=value; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--state-dir", flags.state_dir, "Folder for ca.pem; else a temporary one");
  app.add_option("--port", flags.port, "HTTPS port on 127.0.0.1; 0 for a free one")
      ->check(CLI::Range(0, 65535));
  app.add_option("--control-port", flags.control_port, "Control port on 127.0.0.1, likewise")
      ->check(CLI::Range(0, 65535));
  app.add_option("--latency-ms", flags.latency_milliseconds, "Delay of every answer")
      ->check(CLI::Range(0, 600'000));
  app.add_option("--certificate", flags.certificate, "good, expired, wrong-host or other-ca")
      ->transform(CLI::CheckedTransformer(kinds));
  app.add_flag("--http2", flags.http2, "Serve HTTP/2 instead of HTTP/1.1");
  app.add_flag("--sample-data", flags.sample_data, "Print the sample data file and end");
}

absl::StatusOr<Data> ReadData(const Flags& flags) {
  std::string text(SampleData());
  if (!flags.data_file.empty()) {
    std::ifstream file(flags.data_file);
    std::ostringstream whole;
    whole << file.rdbuf();
    if (!file) return absl::NotFoundError("cannot be read; check its permissions");
    text = whole.str();
  }
  absl::StatusOr<Data> data = ParseData(text);
  if (!data.ok()) return data.status();
  for (const std::string& assignment : flags.settings) {
    const absl::Status status = ApplySetting(assignment, data->settings);
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--set ", status.message()));
    }
  }
  return data;
}

int Failed(absl::string_view what) {
  std::cerr << "billsim: " << what << '\n';
  return 1;
}

int Run(const Flags& flags) {
  // Blocked before another thread starts, so that only sigwait() below receives them.
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);

  absl::StatusOr<Data> data = ReadData(flags);
  if (!data.ok()) {
    const std::string file = flags.data_file.empty() ? "" : absl::StrCat(flags.data_file, ": ");
    return Failed(absl::StrCat(file, data.status().message()));
  }
  BillSimulator::Options options;
  options.data = *std::move(data);
  options.state_dir = flags.state_dir;
  options.port = flags.port;
  options.control_port = flags.control_port;
  options.certificate = flags.certificate;
  options.http2 = flags.http2;
  const absl::StatusOr<std::unique_ptr<BillSimulator>> simulator =
      BillSimulator::Start(std::move(options));
  if (!simulator.ok()) return Failed(simulator.status().message());
  if (flags.latency_milliseconds > 0) {
    (*simulator)->gateway().SetLatency(absl::Milliseconds(flags.latency_milliseconds));
  }

  std::cout << JsonText({{"event", "ready"},
                         {"base_url", (*simulator)->base_url()},
                         {"control_url", (*simulator)->control_url()},
                         {"ca_file", (*simulator)->ca_file()}})
            << std::endl;
  int signal = 0;
  sigwait(&ending, &signal);
  return 0;
}

}  // namespace
}  // namespace billbroker::billsim

int main(int argc, char** argv) {
  CLI::App app("billsim: a simulated BILL on loopback. Its secrets are made up.");
  billbroker::billsim::Flags flags;
  billbroker::billsim::Declare(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // also thrown by --help
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (flags.sample_data) {
    std::cout << billbroker::billsim::SampleData();
    return 0;
  }
  return billbroker::billsim::Run(flags);
}
