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
  absl::StatusOr<Certificates> certificates =
      MakeCertificates(options.state_dir, options.certificate);
  if (!certificates.ok()) return certificates.status();
  simulator->certificates_ = *std::move(certificates);
  simulator->ca_file_ = simulator->certificates_.ca_file;
  absl::StatusOr<std::unique_ptr<ReservedPort>> port = ReservedPort::Reserve(options.port);
  if (!port.ok()) return port.status();
  simulator->port_ = *std::move(port);
  simulator->serves_http2_ = options.http2;
  if (absl::Status status = simulator->SetListening(true); !status.ok()) return status;
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
      temporary_dir_(std::move(temporary_dir)) {
  for (Fault& fault : data.faults) gateway_.faults().Add(std::move(fault));
  gateway_.SetLatency(data.latency);
  for (const auto& [id, latency] : data.organization_latency) gateway_.SetLatency(id, latency);
  control_.OnListening([this](bool open) { return SetListening(open); });
}

absl::Status BillSimulator::SetListening(bool open) {
  MutexLock lock(mutex_);
  if (!open) {
    https_.reset();
    http2_.reset();
    return absl::OkStatus();
  }
  if (https_ != nullptr || http2_ != nullptr) return absl::OkStatus();
  if (serves_http2_) {
    absl::StatusOr<std::unique_ptr<Http2Front>> http2 =
        Http2Front::Start(gateway_, certificates_.server, system_clock_, port());
    if (!http2.ok()) return http2.status();
    http2_ = *std::move(http2);
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<HttpsFront>> https =
      HttpsFront::Start(gateway_, certificates_.server, port());
  if (!https.ok()) return https.status();
  https_ = *std::move(https);
  return absl::OkStatus();
}

BillSimulator::~BillSimulator() {
  control_front_.reset();
  (void)SetListening(false);
  if (temporary_dir_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(temporary_dir_, ignored);
}

std::string BillSimulator::base_url() const {
  return absl::StrCat("https://127.0.0.1:", port(), "/connect");
}

std::string BillSimulator::control_url() const {
  return absl::StrCat("http://127.0.0.1:", control_front_->port());
}

}  // namespace billbroker::billsim
