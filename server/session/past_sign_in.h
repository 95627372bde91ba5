// PastSignIn: a sign-in of the past hour as the audit log has it. While the session store is not
// open or cannot be written, failed sign-ins are counted from these.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace billbroker {

struct PastSignIn {
  enum class Outcome {
    kAccepted,
    kFailed,      // by BILL, or it could not be sent; see `reason`
    kUnanswered,  // the log has no outcome: it is under way, or the process ended before the answer
  };

  std::string credential;       // its name
  std::uint64_t version = 0;    // of the credential
  std::string organization_id;  // empty: a partner's own sign-in
  std::string dev_key_id;       // fingerprint of the devKey, or of a partner's appKey
  std::string principal;        // that asked for it; empty: nobody did
  absl::Time time;              // of the outcome; of the intent if it is unanswered
  Outcome outcome = Outcome::kUnanswered;
  std::string reason;  // ReasonName() of a failure, if it has one
};

// Thread-safe.
class PastSignInSource {
 public:
  virtual ~PastSignInSource() = default;

  // Returns the sign-ins with an intent or an outcome since `since`, in the order of their lines.
  // Blocks while it reads files: call it without a lock, on a thread that may wait.
  //
  // Errors:
  //   kUnavailable  the log cannot be read, or a part of that time is missing
  //   kDataLoss     the log was changed, or was written under another key
  [[nodiscard]] virtual absl::StatusOr<std::vector<PastSignIn>> Since(absl::Time since) = 0;
};

}  // namespace billbroker
