// WipingAllocator: gives a call's messages, and wipes the secrets in them before they are freed.
#pragma once

#include <grpcpp/support/message_allocator.h>

#include "proto/redacted.h"

namespace billbroker {

// For methods whose request or response holds secrets, which protobuf keeps on the ordinary heap.
// A handler that has copied a request's secrets calls
// `context->GetRpcAllocatorState()->FreeRequest()` at once; the rest goes when the call ends.
// Thread-safe; must outlive the server.
template <typename Request, typename Response>
class WipingAllocator final : public grpc::MessageAllocator<Request, Response> {
 public:
  grpc::MessageHolder<Request, Response>* AllocateMessages() override { return new Messages; }

 private:
  class Messages final : public grpc::MessageHolder<Request, Response> {
   public:
    Messages() {
      this->set_request(&request_);
      this->set_response(&response_);
    }

    void FreeRequest() override {
      WipeSecrets(request_);
      request_.Clear();
    }

    void Release() override {
      FreeRequest();
      WipeSecrets(response_);
      delete this;
    }

   private:
    Request request_;
    Response response_;
  };
};

}  // namespace billbroker
