// AdminClient: what operators ask about sessions and the broker itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "billbroker/v1/session.pb.h"
#include "client/channel.h"
#include "client/client_session.h"
#include "client/session_watch.h"

namespace billbroker {

struct LoginOptions {
  std::string credential = {};   // empty where just one credential serves the organization
  bool force = false;            // spend a sign-in, and try again what BILL refused before
  bool include_dev_key = false;  // return the devKey too
  bool include_headers = false;  // return the headers too
};

struct LoginResult {
  ClientSession session;
  bool reused = false;  // a live session was there and no sign-in was spent
};

struct LogoutOptions {
  std::string credential = {};      // empty where just one credential serves the organization
  std::uint64_t if_generation = 0;  // end only this one; 0 for whichever is live
};

// Thread-safe, blocking; errors as SessionClient. Messages without secrets are handed on as they
// come: proto/billbroker/v1/session.proto documents them.
class AdminClient final {
 public:
  explicit AdminClient(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options = {});
  ~AdminClient();

  [[nodiscard]] absl::StatusOr<LoginResult> Login(absl::string_view organization_id,
                                                  const LoginOptions& options = {});

  // True where this call ended a session.
  [[nodiscard]] absl::StatusOr<bool> Logout(absl::string_view organization_id,
                                            const LogoutOptions& options = {});

  // All pages, ordered by organization, then credential. Empty `credential` means all;
  // UNKNOWN_CREDENTIAL where there is none of that name.
  [[nodiscard]] absl::StatusOr<std::vector<v1::SessionEntry>> ListSessions(
      absl::string_view credential);

  [[nodiscard]] absl::StatusOr<v1::GetStatusResponse> GetStatus();

  // Hands each state that the broker tells to `told`, one at a time on another thread, until it
  // answers false, which is OK, or the stream ends; then returns why (see WatchHandler::Ended()).
  // No deadline.
  [[nodiscard]] absl::Status WatchSessions(
      const WatchOptions& options,
      const std::function<bool(const WatchedOrganization& which,
                               const absl::StatusOr<ClientSession>& state)>& told);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace billbroker
