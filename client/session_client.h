// SessionClient: asks the broker for live BILL sessions.
//
//   auto client = billbroker::SessionClient::Connect({});
//   if (!client.ok()) return client.status();
//   absl::StatusOr<Vendors> vendors = (*client)->WithSession(
//       "00801ABCDEFGHIJKLMNO", {.include_dev_key = true},
//       [&](const billbroker::ClientSession& session) -> absl::StatusOr<Vendors> {
//         Answer answer = http.Get(session.base_url + "/v3/vendors",
//                                  session.session_id.Reveal(), session.dev_key.Reveal());
//         if (answer.bill_code == "BDC_1109") return billbroker::SessionDead();
//         return ParseVendors(answer);
//       });
//
// Ask for a session before each use rather than keep it: a live one costs no call to BILL, and only
// the broker has its present state. A program that asks very often should use a SessionCache.
// SessionCache.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/channel.h"
#include "client/client_session.h"
#include "client/session_source.h"

namespace billbroker {

// Thread-safe: one client serves a whole program. Every call is one call of the broker.
class SessionClient final : public SessionSource {
 public:
  // Connects without waiting for the broker. Fails with INVALID_ARGUMENT for malformed options.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<SessionClient>> Connect(
      const ClientOptions& options);

  // Uses an existing channel and ignores `options.address`.
  explicit SessionClient(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options = {});
  ~SessionClient() override;

 private:
  struct Impl;

  absl::StatusOr<ClientSession> DoGetSession(absl::string_view organization_id,
                                             const GetSessionOptions& options) override;

  std::unique_ptr<Impl> impl_;
};

}  // namespace billbroker
