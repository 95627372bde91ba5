// Gateway: what stands between a Bill and its callers: faults and latency. No sockets.
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
