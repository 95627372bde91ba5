// FakeBroker: a broker without keyring and BILL, over the generated services.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "billbroker/v1/audit.pb.h"
#include "billbroker/v1/credential.pb.h"
#include "billbroker/v1/mfa.pb.h"
#include "billbroker/v1/session.pb.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Secrets that the fake returns or that tests send. None of them may appear in a wrong place.
inline constexpr char kSessionIdSecret[] = "session-id-7Qx2-secret";
inline constexpr char kDevKeySecret[] = "dev-key-9Zk4-secret";

// Returns a session that BILL confirmed at the start time of ManualClock, for 34 minutes.
[[nodiscard]] v1::Session FakeSession(const std::string& organization_id, std::uint64_t generation,
                                      bool include_dev_key = false, bool include_headers = false);

// Thread-safe. Every organization except "unknown" has a session of generation 1; reporting the
// current generation makes the next one. Watches send the generation of the time they start, and
// then the states of `Tell()`. A page of a list always has two entries.
class FakeBroker final {
 public:
  // Listens on the Unix socket at `path`.
  explicit FakeBroker(const std::string& path);
  ~FakeBroker();
  FakeBroker(const FakeBroker&) = delete;
  FakeBroker& operator=(const FakeBroker&) = delete;

  // Makes the next call of `method`, such as "GetSession", fail with `status`; several calls queue
  // up. "WatchEnd" ends one complete watch with `status`.
  void FailNext(const std::string& method, const absl::Status& status);

  // Sends a state of the organization to the watches that include it.
  void Tell(const std::string& organization_id, const absl::StatusOr<v1::Session>& state);
  // While this is true, watches start and send nothing.
  void set_watches_silent(bool silent);

  // Returns the received requests, oldest first, secrets included.
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
  // Sets the organizations that BILL lists for every credential: ids and names.
  void set_discovered(const std::map<std::string, std::string>& organizations);
  [[nodiscard]] std::vector<v1::DiscoverOrganizationsRequest> discover_requests() const;
  // Sets the counts of GetRotationProgress: (live, current) sessions and (watchers, updated
  // watchers).
  void AddProgress(int live, int current, int watchers, int told);
  // MfaService accepts the code "123456".
  [[nodiscard]] std::vector<v1::StartChallengeRequest> challenge_requests() const;
  [[nodiscard]] std::vector<v1::CompleteChallengeRequest> code_requests() const;
  void AddSessionEntry(v1::SessionEntry entry);
  void set_status(v1::GetStatusResponse status);
  // The answer of VerifyAudit, and the names and contents that the last call received.
  void set_audit_report(v1::VerifyAuditResponse report);
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> audited() const;
  // Makes DeleteCredential fail with SESSIONS_LIVE unless forced.
  void set_sessions_live(bool live);

  // A request to write to the keyring.
  struct Change {
    std::string rpc;
    bool allow_prompt;
    absl::Duration patience;  // the time until the deadline of the call
  };
  // Returns the changes in the order of their arrival.
  [[nodiscard]] std::vector<Change> changes() const;
  // The credential has a pending rotation.
  void AddPendingRotation(const std::string& credential);

  // Sets the answer of AdoptKeyring, which accepts its `confirmation` only.
  void set_adoption(v1::AdoptKeyringResponse adoption);
  [[nodiscard]] std::vector<v1::AdoptKeyringRequest> adopt_requests() const;

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
