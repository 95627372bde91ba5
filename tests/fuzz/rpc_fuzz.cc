// The first line names an RPC, "SessionService/GetSession". The rest are the bytes of the request,
// for the real handlers behind a real server. Checks that every call ends with a response of the
// RPC or with an error that has a reason; gRPC itself rejects bytes that are not a valid message.
// Checks that no response contains a stored password.
#include <google/protobuf/dynamic_message.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/status.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace billbroker {
namespace {

namespace pb = google::protobuf;

// A server and its client. Calls add stored data, so a new one is created after `kCalls` calls.
class Rig final : public RpcTest {
 public:
  static constexpr int kCalls = 2000;

  Rig() : channel_(server_->InProcessChannel({})), stub_(channel_) {
    v1::CreateCredentialRequest request = NewUser("acme", {"0081", "0082"});
    request.set_password(password_);
    Create(request);
  }
  void TestBody() override {}

  void Call(const pb::MethodDescriptor& method, const std::string& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(8));
    grpc::CompletionQueue queue;
    const std::string path = absl::StrCat("/", method.service()->full_name(), "/", method.name());
    const auto call = stub_.PrepareCall(&context, path, &queue);
    call->StartCall(nullptr);
    (void)Next(queue);
    const grpc::Slice slice(request);
    if (call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr); Next(queue)) {
      grpc::ByteBuffer answer;
      call->Read(&answer, nullptr);
      if (Next(queue)) CheckAnswer(method, answer);
    }
    // A watch does not end by itself.
    if (method.server_streaming()) context.TryCancel();
    grpc::Status status;
    call->Finish(&status, nullptr);
    (void)Next(queue);
    queue.Shutdown();
    while (Next(queue)) {
    }
    CheckStatus(status);
  }

 private:
  static bool Next(grpc::CompletionQueue& queue) {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  }

  void CheckAnswer(const pb::MethodDescriptor& method, const grpc::ByteBuffer& answer) const {
    std::vector<grpc::Slice> slices;
    Require(answer.Dump(&slices).ok(), "a response has bytes");
    std::string bytes;
    for (const grpc::Slice& slice : slices) {
      bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
    pb::DynamicMessageFactory messages;
    const std::unique_ptr<pb::Message> message(messages.GetPrototype(method.output_type())->New());
    Require(message->ParseFromString(bytes), "a response is a message of its RPC");
    Require(!absl::StrContains(bytes, password_), "no response contains a password");
  }

  void CheckStatus(const grpc::Status& status) const {
    Require(status.error_code() != grpc::DEADLINE_EXCEEDED, "every call ends");
    Require(!absl::StrContains(status.error_message(), password_), "no error contains a password");
    Require(!absl::StrContains(status.error_details(), password_), "no detail contains a password");
    const bool has_reason = DetailsOf(FromGrpcStatus(status)).has_value();
    // gRPC's own errors, for bytes that are not a valid message and for a cancelled watch.
    const bool by_grpc =
        status.error_code() == grpc::UNIMPLEMENTED || status.error_code() == grpc::CANCELLED;
    Require(status.ok() || has_reason || by_grpc, "an error has a reason");
  }

  const std::string password_ = SystemRandom().Uid();
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
};

// Returns null if there is no such RPC.
const pb::MethodDescriptor* MethodOf(const std::string& name) {
  std::string full = absl::StrCat("billbroker.v1.", name);
  std::replace(full.begin(), full.end(), '/', '.');
  return pb::DescriptorPool::generated_pool()->FindMethodByName(full);
}

}  // namespace
}  // namespace billbroker

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using billbroker::Rig;
  static std::unique_ptr<Rig> rig;
  static int calls = 0;
  const absl::string_view text = billbroker::TextOf(data, size);
  const std::size_t end = text.find('\n');
  if (end == absl::string_view::npos) return -1;
  const auto* const method = billbroker::MethodOf(std::string(text.substr(0, end)));
  if (method == nullptr) return -1;
  if (rig == nullptr || ++calls % Rig::kCalls == 0) {
    rig.reset();
    rig = std::make_unique<Rig>();
  }
  rig->Call(*method, std::string(text.substr(end + 1)));
  return 0;
}
