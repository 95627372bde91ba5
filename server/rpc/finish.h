// How handlers end a call.
#pragma once

#include <grpcpp/support/server_callback.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/status.h"
#include "server/rpc/translate.h"
#include "vault/credential_index.h"

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

// Answers a change of a credential: with the credential as it is now, or with why it is as it was.
template <typename Response>
void FinishChange(grpc::ServerUnaryReactor* reactor,
                  const absl::StatusOr<CredentialInfoPtr>& changed, Response& response) {
  if (changed.ok()) FillCredential(**changed, true, *response.mutable_credential());
  Finished(reactor, changed.status());
}

}  // namespace billbroker
