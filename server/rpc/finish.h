// How handlers end a call.
#pragma once

#include <grpcpp/support/server_callback.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/status.h"
#include "server/rpc/translate.h"
#include "vault/credential_index.h"
#include "vault/remember_me_refusals.h"

namespace billbroker {

// Ends the call with `status`; the response, where there is one, is filled.
inline grpc::ServerUnaryReactor* Finished(grpc::ServerUnaryReactor* reactor,
                                          const absl::Status& status) {
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

// A stream of type `Reactor` that ends at once with `status`, which is not OK.
template <typename Reactor>
class RefusedStream final : public Reactor {
 public:
  explicit RefusedStream(const absl::Status& status) { this->Finish(ToGrpcStatus(status)); }
  void OnDone() override { delete this; }
};

// Ends a change of a credential: returns the changed credential, or the error. The sign-in that
// proved it may have added its rememberMeId to `refusals`.
template <typename Response>
void FinishChange(grpc::ServerUnaryReactor* reactor, const RememberMeRefusals& refusals,
                  const absl::StatusOr<CredentialInfoPtr>& changed, Response& response) {
  if (changed.ok()) {
    FillCredential(**changed, true, *response.mutable_credential());
    FillTrust(refusals.FindRefusalTime(**changed), *response.mutable_credential());
  }
  Finished(reactor, changed.status());
}

}  // namespace billbroker
