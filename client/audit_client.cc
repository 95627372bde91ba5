#include "client/audit_client.h"

#include <grpcpp/channel.h>

#include <utility>

#include "billbroker/v1/audit.grpc.pb.h"
#include "client/call.h"

namespace billbroker {
namespace {

constexpr std::size_t kPieceBytes = 1 << 16;

using Writer = grpc::ClientWriter<v1::VerifyAuditRequest>;

// Returns false if the broker accepts no more.
bool Send(const AuditLogFile& file, Writer& writer) {
  v1::VerifyAuditRequest request;
  request.set_file(file.name);
  do {
    std::string& piece = *request.mutable_content();
    piece.resize(kPieceBytes);
    file.text.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    piece.resize(static_cast<std::size_t>(file.text.gcount()));
    if (!writer.Write(request)) return false;
    request.clear_file();
  } while (file.text);
  return true;
}

}  // namespace

struct AuditClient::Impl {
  std::unique_ptr<v1::AuditService::Stub> stub;
  CallPolicy policy;
};

AuditClient::AuditClient(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options)
    : impl_(std::make_unique<Impl>(Impl{v1::AuditService::NewStub(std::move(channel)),
                                        {options.call_timeout, options.wait_for_ready}})) {}

AuditClient::~AuditClient() = default;

absl::StatusOr<v1::VerifyAuditResponse> AuditClient::Verify(
    const std::vector<AuditLogFile>& files) {
  grpc::ClientContext context;
  context.set_wait_for_ready(impl_->policy.wait_for_ready);
  v1::VerifyAuditResponse response;
  const std::unique_ptr<Writer> writer = impl_->stub->VerifyAudit(&context, &response);
  writer->WaitForInitialMetadata();
  for (const AuditLogFile& file : files) {
    if (!Send(file, *writer)) break;
  }
  writer->WritesDone();
  const absl::Status status = FromGrpcStatus(writer->Finish());
  if (!status.ok()) return Explained(status, impl_->policy);
  return response;
}

}  // namespace billbroker
