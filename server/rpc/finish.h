// How handlers end a call.
#pragma once

#include <grpcpp/support/server_callback.h>

#include "absl/status/status.h"
#include "proto/status.h"

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

}  // namespace billbroker
