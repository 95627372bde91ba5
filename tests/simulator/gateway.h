// Gateway: applies faults and latency to the calls of a Bill. It is independent of sockets and of
// the HTTP version; a front for HTTP/1.1 or HTTP/2 delivers its answers.
#pragma once

#include <map>
#include <string>

#include "absl/time/time.h"
#include "nlohmann/json_fwd.hpp"
#include "tests/simulator/bill.h"
#include "tests/simulator/faults.h"
#include "tests/simulator/http.h"
#include "vault/base/mutex.h"

namespace billbroker::billsim {

enum class Manner {
  kWhole,  // send `answer`
  kReset,  // send nothing and reset the connection
  kHang,   // send nothing until the client disconnects or `pace` has passed, then reset
  kDrip,   // send `answer`, one byte of its body in each `pace`
  // Of HTTP/2 only; over HTTP/1.1 each is kReset.
  kRefuseStream,          // RST_STREAM with REFUSED_STREAM
  kResetStream,           // RST_STREAM with INTERNAL_ERROR
  kGoAwayBefore,          // GOAWAY that excludes the call
  kGoAwayAfter,           // GOAWAY that includes the call, then `answer`
  kGoAwayInAnswerBefore,  // the header fields of `answer`, then GOAWAY that excludes the call
  kGoAwayInAnswerAfter,   // those, then GOAWAY that includes the call, then the body of `answer`
};

// How a front answers a call: it waits for `latency`, then delivers.
struct Delivery {
  HttpAnswer answer;
  Manner manner = Manner::kWhole;
  absl::Duration pace;
  absl::Duration latency;
  Bill::Slot slot;  // the call is in progress until this is destroyed
};

// Thread-safe.
class Gateway final {
 public:
  explicit Gateway(Bill& bill) : bill_(bill) {}  // borrowed

  [[nodiscard]] Delivery Receive(const HttpCall& call);

  // Receives a call in two parts, over HTTP/2. The first function returns the fault of a call whose
  // header fields alone are received. If that fault excludes the call, the rest must be ignored.
  [[nodiscard]] absl::optional<Fault> ReceiveHeaders(const HttpCall& head);
  [[nodiscard]] Delivery ReceiveRest(const HttpCall& call);

  [[nodiscard]] Faults& faults() { return faults_; }

  // Sets the latency of every call, or of the calls of one organization in place of it.
  void SetLatency(absl::Duration latency);
  void SetLatency(const std::string& organization_id, absl::Duration latency);
  void ClearLatency();
  [[nodiscard]] absl::Duration LatencyFor(const std::string& organization_id) const;
  // {"milliseconds","organizations":{id: milliseconds}}
  [[nodiscard]] nlohmann::json LatencyJson() const;

 private:
  [[nodiscard]] Delivery Receive(const HttpCall& call, CallStage stage);
  [[nodiscard]] Delivery Pass(const HttpCall& call);
  [[nodiscard]] Delivery Fail(const Fault& fault, const HttpCall& call);

  Bill& bill_;
  Faults faults_;
  mutable Mutex mutex_;
  absl::Duration latency_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, absl::Duration> organization_latency_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker::billsim
