// OrganizationDiscovery: asks BILL which organizations a credential's user may sign in to.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/bill/bill_api.h"
#include "server/session/session_manager.h"
#include "vault/base/clock.h"
#include "vault/credential.h"
#include "vault/credential_index.h"

namespace billbroker {

struct DiscoveredOrganization {
  std::string id;
  std::string name;       // may be empty
  bool attached = false;  // to the credential that was asked about
};

// Thread-safe. The answer comes exactly once, on any thread, sometimes before the call returns, and
// must not block. Borrows its parts; must outlive every answer of BILL.
class OrganizationDiscovery final {
 public:
  using Found = std::vector<DiscoveredOrganization>;
  using Done = absl::AnyInvocable<void(absl::StatusOr<Found>)>;

  struct Parts {  // borrowed
    const Clock& clock;
    CredentialIndex& credentials;
    SessionManager& sessions;
    BillApi& bill;
  };

  struct Request {
    std::string credential;
    std::string organization_id = {};     // empty: one with a live session, else the first
    absl::Duration patience = kPatience;  // how long the caller waits for a sign-in
    std::string principal = {};           // who asks
    CausePtr cause = {};                  // by which call
    // Asked before each page: false where nobody waits for the answer any more.
    std::function<bool()> wanted = [] { return true; };
  };

  // A BILL that hands out pages without end is not followed for ever.
  static constexpr int kMaxPages = 1000;

  explicit OrganizationDiscovery(Parts parts) : parts_(parts) {}

  // Ordered by id, each once. A session that BILL calls dead is reported to the session manager,
  // and the next one tried, once.
  //
  // Errors: those of SessionManager::GetSession(), UNKNOWN_CREDENTIAL, and
  //   UNKNOWN_ORGANIZATION  none is attached yet
  //   BILL_UNAVAILABLE      BILL fails or refuses, or tells more than kMaxOrganizations or
  // kMaxPages
  void Discover(Request request, Done done);

 private:
  class Run;

  const Parts parts_;
};

}  // namespace billbroker
