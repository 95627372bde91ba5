// Faults: the ways in which the next calls are to fail. README.md documents the JSON.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "nlohmann/json.hpp"
#include "vault/base/mutex.h"

namespace billbroker::billsim {

enum class FaultKind {
  kHttp503,         // BDC_1001 as JSON
  kHtml502,         // a gateway's page
  kReset,           // a TCP reset, no byte of an answer
  kTimeout,         // no answer until the client goes, or `duration` has passed
  kEmpty200,        // no body
  kRateLimit429,    // with Retry-After where `retry_after_seconds` is given
  kBillError,       // `code` at `http_status`
  kDoneAnswerLost,  // the call takes effect, then a TCP reset
  kRedirect302,     // to /connect/v3/redirected on the same host
  kHugeBody,        // 200 with 10 MiB of JSON
  kGarbageJson,     // 200 with a body that stops being JSON
  kDeepJson,        // 200 with 100,000 nested arrays
  kSlowBody,        // the call takes effect, its answer drips: `duration` for each byte
  kRefusedStream,   // HTTP/2: RST_STREAM with REFUSED_STREAM; the call has no effect
  kResetStream,     // HTTP/2: the call takes effect, then RST_STREAM with INTERNAL_ERROR
  kGoAway,          // HTTP/2: GOAWAY that excludes the call or, if `processed`, includes it
};

struct Fault {
  int id = 0;
  FaultKind kind = FaultKind::kHttp503;
  std::string path;  // of the calls it is for; empty: all
  int after = 0;     // calls that it lets pass first
  int count = 1;     // calls that it then fails; 0: all, until it is cleared
  std::string code;
  int http_status = 0;
  absl::optional<int> retry_after_seconds;
  absl::Duration duration;
  bool processed = false;
};

[[nodiscard]] absl::string_view FaultKindName(FaultKind kind);

// Thread-safe.
class Faults final {
 public:
  // Plans one fault and returns its id. kInvalidArgument names the field at fault.
  [[nodiscard]] absl::StatusOr<int> Add(const nlohmann::json& description);

  // The fault that a call of `path` meets: of those planned for it, the oldest that is due.
  [[nodiscard]] absl::optional<Fault> Take(absl::string_view path);

  void Clear();
  [[nodiscard]] nlohmann::json Json() const;  // those still to come

 private:
  mutable Mutex mutex_;
  std::vector<Fault> planned_ ABSL_GUARDED_BY(mutex_);
  int last_id_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace billbroker::billsim
