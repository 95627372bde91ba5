#include "client/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace billbroker {
namespace {

// sockaddr_un holds 108 bytes, the last of them zero.
constexpr std::size_t kMaxSocketPathBytes = 107;

absl::Status Validate(const ClientOptions& options) {
  absl::string_view path = options.address;
  if (!absl::ConsumePrefix(&path, "unix:") || !absl::StartsWith(path, "/")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "address \"", options.address, "\" is not unix: and an absolute path; say unix:/PATH"));
  }
  if (path.size() > kMaxSocketPathBytes) {
    return absl::InvalidArgumentError(absl::StrCat("socket path ", path, " is longer than ",
                                                   kMaxSocketPathBytes,
                                                   " bytes; use a shorter folder"));
  }
  if (options.call_timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("call_timeout is not positive; give it some seconds");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const ClientOptions& options) {
  absl::Status valid = Validate(options);
  if (!valid.ok()) return valid;
  grpc::ChannelArguments arguments;
  // gRPC's own bounds reach two minutes: a broker that is back would long go unnoticed.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // On a Unix socket the kernel names the caller; there is nothing to encrypt against.
  return grpc::CreateCustomChannel(options.address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace billbroker
