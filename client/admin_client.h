// AdminClient: calls about sessions and the broker itself, for operators.
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
  std::string credential = {};   // empty if only one credential serves the organization
  bool force = false;            // spend a sign-in, also after a refusal by BILL
  bool include_dev_key = false;  // return the devKey too
  bool include_headers = false;  // return the headers too
};

struct LoginResult {
  ClientSession session;
  bool reused = false;  // there was a live session, and no sign-in was spent
};

struct LogoutOptions {
  std::string credential = {};      // empty if only one credential serves the organization
  std::uint64_t if_generation = 0;  // end only this one; 0 for any live session
};

// Thread-safe, blocking. Fails like SessionClient. Messages without secrets are returned unchanged:
// proto/billbroker/v1/session.proto documents them.
class AdminClient final {
 public:
  explicit AdminClient(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options = {});
  ~AdminClient();

  [[nodiscard]] absl::StatusOr<LoginResult> Login(absl::string_view organization_id,
                                                  const LoginOptions& options = {});

  // Ends the live session. Returns true if this call ended one.
  [[nodiscard]] absl::StatusOr<bool> Logout(absl::string_view organization_id,
                                            const LogoutOptions& options = {});

  // Returns all sessions, ordered by organization, then credential. An empty `credential` means
  // all; fails with UNKNOWN_CREDENTIAL if it does not exist.
  [[nodiscard]] absl::StatusOr<std::vector<v1::SessionEntry>> ListSessions(
      absl::string_view credential);

  [[nodiscard]] absl::StatusOr<v1::GetStatusResponse> GetStatus();

  // Calls `told` with each state from the broker, one at a time on another thread, until it returns
  // false or the stream ends. Returns OK in the first case, else the cause (see
  // WatchHandler::Ended()). Has no deadline.
  [[nodiscard]] absl::Status WatchSessions(
      const WatchOptions& options,
      const std::function<bool(const WatchedOrganization& which,
                               const absl::StatusOr<ClientSession>& state)>& told);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace billbroker
