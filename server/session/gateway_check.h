// GatewayCheck: looks at GET /v3/health that decide whether BILL or a gateway in front of it gave
// an answer without a code. All that ask within a few seconds share one look.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/bill/bill_error.h"

namespace billbroker {

// Sends nothing itself and calls nothing: the owner sends the request and runs the callbacks after
// unlock. Not thread-safe: guarded by SessionManager. All times are Clock::SinceBoot().
class GatewayCheck final {
 public:
  // An answer that is at most this old is used again.
  static constexpr absl::Duration kFresh = absl::Seconds(5);

  // Receives the shape of the answer; nullopt if no answer came.
  using Done = absl::AnyInvocable<void(const absl::optional<AnswerShape>&)>;
  using Call = absl::AnyInvocable<void()>;

  // The task of the owner after Ask(): at most one of the two.
  struct Asked {
    bool send = false;  // send GET /v3/health and pass its answer to Answered()
    Call call;          // if set, run it: a fresh answer is there
  };

  // Asks for a look at `environment`. `done` is called exactly once if every request that is to be
  // sent is answered.
  [[nodiscard]] Asked Ask(const std::string& environment, absl::Duration now, Done done);

  // Records the answer to the request, nullopt if none came, and returns the calls to run. Only an
  // answer is used again; after none the next Ask() sends a request.
  [[nodiscard]] std::vector<Call> Answered(const std::string& environment,
                                           const absl::optional<AnswerShape>& shape,
                                           absl::Duration now);

 private:
  struct Look {
    bool under_way = false;
    absl::optional<AnswerShape> answer;
    absl::Duration answered;
    std::vector<Done> waiting;
  };

  absl::flat_hash_map<std::string, Look> looks_;  // by environment
};

// Returns true if a gateway and not BILL gave the answer in `error`, because GET /v3/health has the
// same shape. `health` is nullopt if no answer to it came: then BILL is taken for the cause.
[[nodiscard]] bool IsByGateway(const BillError& error, const absl::optional<AnswerShape>& health);

}  // namespace billbroker
