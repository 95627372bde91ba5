#include "client/session_dead.h"

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace billbroker {
namespace {

constexpr absl::string_view kSessionDeadUrl = "billbroker/session_dead";

}  // namespace

absl::Status SessionDead() {
  // Not UNAUTHENTICATED: BILL's 401 concerns BILL's session, not the caller of the program.
  absl::Status status =
      absl::FailedPreconditionError("bill ended the session (BDC_1109); get another one");
  status.SetPayload(kSessionDeadUrl, absl::Cord());
  return status;
}

bool IsSessionDead(const absl::Status& status) {
  return status.GetPayload(kSessionDeadUrl).has_value();
}

}  // namespace billbroker
