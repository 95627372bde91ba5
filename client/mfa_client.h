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

// Thread-safe, blocking; errors as SessionClient. proto/billbroker/v1/mfa.proto documents the calls
// and their messages. Each takes as long as BILL does: allow for it in `call_timeout`.
class MfaClient final {
 public:
  explicit MfaClient(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options = {});
  ~MfaClient();

  // `organization_id` empty: the broker chooses whose session asks.
  [[nodiscard]] absl::StatusOr<v1::StartChallengeResponse> StartChallenge(
      absl::string_view credential, absl::string_view organization_id = "");

  // `code`: the six digits; `device` empty: the broker's choice. MFA_FAILED where BILL does not
  // take the code.
  [[nodiscard]] absl::StatusOr<v1::CompleteChallengeResponse> CompleteChallenge(
      absl::string_view challenge_id, const SecretString& code, absl::string_view device = "");

  [[nodiscard]] absl::StatusOr<v1::StepUpCounts> StepUp(absl::string_view credential);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace billbroker
