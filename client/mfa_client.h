// MfaClient: the MFA trust of a credential's BILL user.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "billbroker/v1/mfa.pb.h"
#include "client/channel.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// Thread-safe, blocking. Fails like SessionClient. proto/billbroker/v1/mfa.proto documents the
// calls and their messages. Each waits for BILL: set `call_timeout` accordingly.
class MfaClient final {
 public:
  explicit MfaClient(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options = {});
  ~MfaClient();

  // Starts a challenge. If `organization_id` is empty, the broker chooses the organization whose
  // session is used.
  [[nodiscard]] absl::StatusOr<v1::StartChallengeResponse> StartChallenge(
      absl::string_view credential, absl::string_view organization_id = "");

  // Completes the challenge with `code`, the six digits. An empty `device` means the broker's
  // choice. Fails with MFA_FAILED if BILL does not accept the code.
  [[nodiscard]] absl::StatusOr<v1::CompleteChallengeResponse> CompleteChallenge(
      absl::string_view challenge_id, const SecretString& code, absl::string_view device = "");

  [[nodiscard]] absl::StatusOr<v1::StepUpCounts> StepUp(absl::string_view credential);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace billbroker
