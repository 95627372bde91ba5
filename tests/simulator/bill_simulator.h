// BillSimulator: a complete simulated BILL on sockets of this process, for billsim and for tests.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tests/simulator/bill.h"
#include "tests/simulator/certificates.h"
#include "tests/simulator/control.h"
#include "tests/simulator/control_front.h"
#include "tests/simulator/data_file.h"
#include "tests/simulator/gateway.h"
#include "tests/simulator/http2_front.h"
#include "tests/simulator/https_front.h"
#include "tests/simulator/offset_clock.h"
#include "tests/simulator/reserved_port.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"
#include "vault/base/random.h"

namespace billbroker::billsim {

// Serves HTTPS and control on loopback ports from Start() until it is destroyed. Thread-safe.
class BillSimulator final {
 public:
  struct Options {
    Data data;              // see ParseData(), SampleData()
    std::string state_dir;  // for ca.pem; empty: a temporary folder, removed by the destructor
    int port = 0;           // for HTTPS; 0: a free one
    int control_port = 0;   // likewise
    CertificateKind certificate = CertificateKind::kGood;
    bool http2 = false;  // serves HTTP/2 instead of HTTP/1.1
  };

  // Errors: kUnavailable, a port is taken; others, the folder cannot be written.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<BillSimulator>> Start(Options options);
  // Starts with SampleData().
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<BillSimulator>> StartSample();
  ~BillSimulator();
  BillSimulator(const BillSimulator&) = delete;
  BillSimulator& operator=(const BillSimulator&) = delete;

  [[nodiscard]] std::string base_url() const;     // "https://127.0.0.1:PORT/connect"
  [[nodiscard]] std::string control_url() const;  // "http://127.0.0.1:PORT"
  [[nodiscard]] const std::string& ca_file() const { return ca_file_; }
  [[nodiscard]] int port() const { return port_->port(); }
  [[nodiscard]] int control_port() const { return control_front_->port(); }

  // Closes BILL's port and all its connections, so that new connections are refused, or opens it.
  [[nodiscard]] absl::Status SetListening(bool open);

  [[nodiscard]] Bill& model() { return bill_; }
  [[nodiscard]] Faults& faults() { return gateway_.faults(); }
  [[nodiscard]] Gateway& gateway() { return gateway_; }
  // Requires Options::http2 and an open port. Closing the port ends the counts.
  [[nodiscard]] const Http2Counts& http2_counts() const {
    MutexLock lock(mutex_);
    return http2_->counts();
  }
  [[nodiscard]] OffsetClock& clock() { return clock_; }

 private:
  BillSimulator(Data data, std::string temporary_dir);

  SystemClock system_clock_;
  SystemRandom random_;
  OffsetClock clock_;
  Bill bill_;
  Gateway gateway_;
  Control control_;
  std::string temporary_dir_;  // to be removed; empty: none
  std::string ca_file_;
  Certificates certificates_;
  std::unique_ptr<ReservedPort> port_;
  bool serves_http2_ = false;
  mutable Mutex mutex_;
  // One of the two, or neither while the port is closed.
  std::unique_ptr<HttpsFront> https_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Http2Front> http2_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<ControlFront> control_front_;
};

}  // namespace billbroker::billsim
