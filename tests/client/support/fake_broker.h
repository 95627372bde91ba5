// FakeBroker: a broker without a keyring and without a BILL, over the generated services.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "billbroker/v1/audit.pb.h"
#include "billbroker/v1/credential.pb.h"
#include "billbroker/v1/mfa.pb.h"
#include "billbroker/v1/session.pb.h"
#include "vault/base/mutex.h"

namespace billbroker {

// What the fake hands out and what tests send in: none of them may turn up where it does not
// belong.
inline constexpr char kSessionIdSecret[] = "session-id-7Qx2-secret";
inline constexpr char kDevKeySecret[] = "dev-key-9Zk4-secret";

// As the fake hands it out: confirmed where ManualClock stands at first, for 34 minutes.
[[nodiscard]] v1::Session FakeSession(const std::string& organization_id, std::uint64_t generation,
                                      bool include_dev_key = false, bool include_headers = false);

// Thread-safe. Every organization but "unknown" has a session of generation 1; reporting the
// current generation makes the next; watches tell the generation of the time they start, and then
// what Tell() says. Lists give two entries a page, whatever was asked.
class FakeBroker final {
 public:
  // Listens on the Unix socket at `path`.
  explicit FakeBroker(const std::string& path);
  ~FakeBroker();
  FakeBroker(const FakeBroker&) = delete;
  FakeBroker& operator=(const FakeBroker&) = delete;

  // The next call of `method`, such as "GetSession", fails with `status`; several queue up. A watch
  // that is complete fails with that of "WatchEnd", each with one.
  void FailNext(const std::string& method, const absl::Status& status);

  // What watches tell of the organization, if one of them asks.
  void Tell(const std::string& organization_id, const absl::StatusOr<v1::Session>& state);
  // Watches start and tell nothing while this is true.
  void set_watches_silent(bool silent);

  // What was received, oldest first, secrets included.
  [[nodiscard]] std::vector<v1::GetSessionRequest> get_session_requests() const;
  [[nodiscard]] std::vector<v1::WatchSessionsRequest> watch_requests() const;
  [[nodiscard]] std::vector<v1::LoginRequest> login_requests() const;
  [[nodiscard]] std::vector<v1::LogoutRequest> logout_requests() const;
  [[nodiscard]] std::vector<v1::CreateCredentialRequest> create_requests() const;
  [[nodiscard]] std::vector<v1::AttachOrganizationsRequest> attach_requests() const;
  [[nodiscard]] std::vector<v1::DetachOrganizationsRequest> detach_requests() const;
  [[nodiscard]] std::vector<v1::RotateCredentialRequest> rotate_requests() const;
  [[nodiscard]] std::vector<std::string> credential_names() const;

  void AddCredential(const std::string& name, const std::vector<std::string>& organizations);
  // What BILL lists, whatever the credential: ids and names.
  void set_discovered(const std::map<std::string, std::string>& organizations);
  [[nodiscard]] std::vector<v1::DiscoverOrganizationsRequest> discover_requests() const;
  // Of (live, current) sessions and (watchers, told) what GetRotationProgress tells next.
  void AddProgress(int live, int current, int watchers, int told);
  // MfaService takes the code "123456".
  [[nodiscard]] std::vector<v1::StartChallengeRequest> challenge_requests() const;
  [[nodiscard]] std::vector<v1::CompleteChallengeRequest> code_requests() const;
  void AddSessionEntry(v1::SessionEntry entry);
  void set_status(v1::GetStatusResponse status);
  // What VerifyAudit answers; the names and contents that the last one got.
  void set_audit_report(v1::VerifyAuditResponse report);
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> audited() const;
  // DeleteCredential fails with SESSIONS_LIVE unless forced.
  void set_sessions_live(bool live);

 private:
  struct State;
  class Sessions;
  class Credentials;
  class Mfa;
  class Audit;
  struct Server;

  std::unique_ptr<State> state_;
  std::unique_ptr<Server> server_;
};

}  // namespace billbroker
