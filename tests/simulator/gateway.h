// Gateway: adds faults and latency to the answers of a Bill. No sockets.
#pragma once

#include "absl/time/time.h"
#include "tests/simulator/bill.h"
#include "tests/simulator/faults.h"
#include "tests/simulator/http.h"
#include "vault/base/mutex.h"

namespace billbroker::billsim {

enum class Manner {
  kWhole,  // `answer`, as it is
  kReset,  // nothing, and the connection is reset
  kHang,   // nothing until the client goes or `pace` has passed, then a reset
  kDrip,   // `answer`, its body at one byte in each `pace`
  // Of HTTP/2 only; over HTTP/1.1 each is kReset.
  kRefuseStream,  // RST_STREAM with REFUSED_STREAM
  kResetStream,   // RST_STREAM with INTERNAL_ERROR
  kGoAwayBefore,  // GOAWAY that excludes the call
  kGoAwayAfter,   // GOAWAY that includes the call, and `answer`
};

// How a call is to be answered. The front waits for `latency`, then delivers.
struct Delivery {
  HttpAnswer answer;
  Manner manner = Manner::kWhole;
  absl::Duration pace;
  absl::Duration latency;
  Bill::Slot slot;  // the call is under way until this goes
};

// Thread-safe.
class Gateway final {
 public:
  explicit Gateway(Bill& bill) : bill_(bill) {}  // borrowed

  [[nodiscard]] Delivery Receive(const HttpCall& call);

  [[nodiscard]] Faults& faults() { return faults_; }
  void SetLatency(absl::Duration latency);
  [[nodiscard]] absl::Duration latency() const;

 private:
  [[nodiscard]] Delivery Pass(const HttpCall& call);
  [[nodiscard]] Delivery Fail(const Fault& fault, const HttpCall& call);
  [[nodiscard]] HttpAnswer BillError(const Fault& fault) const;

  Bill& bill_;
  Faults faults_;
  mutable Mutex mutex_;
  absl::Duration latency_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker::billsim
