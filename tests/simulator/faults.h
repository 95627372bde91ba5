// Faults: planned failures of the next calls. README.md documents the JSON.
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
  kTimeout,         // no answer until the client disconnects, or `duration` has passed
  kEmpty200,        // no body
  kRateLimit429,    // {"message"}, and Retry-After if `retry_after_seconds` is given
  kHttpError,       // `http_status` without a code, with a body of the shape `body`
  kBillError,       // `code` at `http_status`
  kV2Error,         // `code` in the shape of the v2 API at `http_status`
  kDoneAnswerLost,  // the call takes effect, then a TCP reset
  kRedirect302,     // to /connect/v3/redirected on the same host
  kHugeBody,        // 200 with 10 MiB of JSON
  kGarbageJson,     // 200 with a body that stops being JSON
  kDeepJson,        // 200 with 100,000 nested arrays
  kSlowAnswer,      // the call takes effect, its answer comes after `duration`
  kSlowBody,        // the call takes effect, its answer drips: `duration` for each byte
  kRefusedStream,   // HTTP/2: RST_STREAM with REFUSED_STREAM; the call has no effect
  kResetStream,     // HTTP/2: the call takes effect, then RST_STREAM with INTERNAL_ERROR
  kGoAway,          // HTTP/2: GOAWAY that excludes the call or, if `processed`, includes it
};

// When the GOAWAY of a kGoAway is sent.
enum class GoAwayMoment {
  kRequestHeaders,  // after the request's header fields, before the end of its body
  kRequestEnd,      // after the whole request, before the answer
  kAnswerHeaders,   // after the answer's header fields, before its body; the call takes effect
};

// The part of a call that has been received when its fault is chosen.
enum class CallStage {
  kWhole,         // the fault may be any; for HTTP/1.1
  kHeaders,       // the fault has GoAwayMoment::kRequestHeaders
  kAfterHeaders,  // the fault is any other one
};

// The body of a kHttpError.
enum class FaultBody {
  kEmpty,             // no body and no content type
  kText,              // text/plain
  kHtml,              // a gateway's page
  kMessage,           // {"message":…}
  kErrors,            // {"errors":[{"message":…}]}
  kArrayWithoutCode,  // BILL's array, its entry without "code"
  kEcho,              // BILL's array, its message a parser's text that repeats the request body
};

struct Fault {
  int id = 0;
  FaultKind kind = FaultKind::kHttp503;
  std::string path;             // of the calls that fail; empty: all
  std::string organization_id;  // likewise
  int after = 0;                // matching calls that succeed first
  int count = 1;                // calls that then fail; 0: all, until the fault is cleared
  std::string code;
  int http_status = 0;
  FaultBody body = FaultBody::kEmpty;
  absl::optional<int> retry_after_seconds;
  absl::Duration duration;
  bool processed = false;
  GoAwayMoment moment = GoAwayMoment::kRequestEnd;
};

// Reads one fault. Errors: kInvalidArgument names the faulty field by its path under `path`.
[[nodiscard]] absl::StatusOr<Fault> ParseFault(const nlohmann::json& description,
                                               absl::string_view path);

// Thread-safe.
class Faults final {
 public:
  // Plans one fault and returns its id. Errors: as ParseFault().
  [[nodiscard]] absl::StatusOr<int> Add(const nlohmann::json& description);
  int Add(Fault fault);

  // Returns the fault of this call: of the planned faults that match, the oldest one that is due.
  [[nodiscard]] absl::optional<Fault> Take(absl::string_view path,
                                           absl::string_view organization_id,
                                           CallStage stage = CallStage::kWhole);

  void Clear();
  [[nodiscard]] nlohmann::json Json() const;  // the planned faults

 private:
  mutable Mutex mutex_;
  std::vector<Fault> planned_ ABSL_GUARDED_BY(mutex_);
  int last_id_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace billbroker::billsim
