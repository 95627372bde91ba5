#include "tests/simulator/bill_simulator.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"

namespace billbroker::billsim {
namespace {

absl::StatusOr<std::string> MakeTemporaryDir() {
  std::error_code error;
  std::string name = (std::filesystem::temp_directory_path(error) / "billsim-XXXXXX").string();
  if (error || mkdtemp(name.data()) == nullptr) {
    return absl::ErrnoToStatus(errno, "cannot make a temporary folder");
  }
  return name;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BillSimulator>> BillSimulator::Start(Options options) {
  std::string temporary_dir;
  if (options.state_dir.empty()) {
    absl::StatusOr<std::string> made = MakeTemporaryDir();
    if (!made.ok()) return made.status();
    options.state_dir = temporary_dir = *std::move(made);
  }
  auto simulator =
      absl::WrapUnique(new BillSimulator(std::move(options.data), std::move(temporary_dir)));
  const absl::StatusOr<Certificates> certificates =
      MakeCertificates(options.state_dir, options.certificate);
  if (!certificates.ok()) return certificates.status();
  simulator->ca_file_ = certificates->ca_file;
  const absl::Status started = simulator->StartFront(certificates->server, options);
  if (!started.ok()) return started;
  absl::StatusOr<std::unique_ptr<ControlFront>> control =
      ControlFront::Start(simulator->control_, options.control_port);
  if (!control.ok()) return control.status();
  simulator->control_front_ = *std::move(control);
  return simulator;
}

absl::StatusOr<std::unique_ptr<BillSimulator>> BillSimulator::StartSample() {
  absl::StatusOr<Data> data = ParseData(SampleData());
  if (!data.ok()) return data.status();
  Options options;
  options.data = *std::move(data);
  return Start(std::move(options));
}

BillSimulator::BillSimulator(Data data, std::string temporary_dir)
    : clock_(system_clock_),
      bill_(std::move(data.world), std::move(data.settings), clock_, random_),
      gateway_(bill_),
      control_(bill_, gateway_, clock_),
      temporary_dir_(std::move(temporary_dir)) {}

BillSimulator::~BillSimulator() {
  control_front_.reset();
  https_.reset();
  http2_.reset();
  if (temporary_dir_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(temporary_dir_, ignored);
}

absl::Status BillSimulator::StartFront(const ServerIdentity& identity, const Options& options) {
  if (options.http2) {
    auto http2 = Http2Front::Start(gateway_, identity, system_clock_, options.port);
    if (!http2.ok()) return http2.status();
    http2_ = *std::move(http2);
  } else {
    auto https = HttpsFront::Start(gateway_, identity, options.port);
    if (!https.ok()) return https.status();
    https_ = *std::move(https);
  }
  return absl::OkStatus();
}

std::string BillSimulator::base_url() const {
  return absl::StrCat("https://127.0.0.1:", port(), "/connect");
}

std::string BillSimulator::control_url() const {
  return absl::StrCat("http://127.0.0.1:", control_front_->port());
}

}  // namespace billbroker::billsim
