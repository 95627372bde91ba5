// OrganizationDiscovery: asks BILL for the organizations that a credential's user may sign in to.
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
#include "vault/base/random.h"
#include "vault/credential.h"
#include "vault/credential_index.h"

namespace billbroker {

struct DiscoveredOrganization {
  std::string id;
  std::string name;       // may be empty
  bool attached = false;  // to the credential of the request
};

// Thread-safe. Each answer is delivered exactly once, on any thread, sometimes before the call
// returns; the callback must not block. Borrows its parts, and must outlive every answer of BILL.
class OrganizationDiscovery final {
 public:
  using Found = std::vector<DiscoveredOrganization>;
  using Done = absl::AnyInvocable<void(absl::StatusOr<Found>)>;

  struct Parts {  // borrowed
    const Clock& clock;
    Random& random;
    CredentialIndex& credentials;
    SessionManager& sessions;
    BillApi& bill;
  };

  struct Request {
    std::string credential;
    std::string organization_id = {};     // empty: one with a live session, else the first
    absl::Duration patience = kPatience;  // how long the caller waits for a sign-in
    std::string principal = {};           // the caller
    CausePtr cause = {};                  // its call
    // Called before each page: returns false if the caller no longer waits for the answer.
    std::function<bool()> wanted = [] { return true; };
  };

  // The bound on the pages that BILL may return.
  static constexpr int kMaxPages = 1000;

  explicit OrganizationDiscovery(Parts parts) : parts_(parts) {}

  // Returns the organizations without duplicates, ordered by id. If BILL calls the session dead,
  // reports it to the session manager and uses its successor, once.
  //
  // Errors: the errors of SessionManager::GetSession(), UNKNOWN_CREDENTIAL, and
  //   UNKNOWN_ORGANIZATION  none is attached yet
  //   BILL_UNAVAILABLE      BILL fails or refuses, or returns more than kMaxOrganizations or
  //                         kMaxPages
  void Discover(Request request, Done done);

 private:
  class Run;

  const Parts parts_;
};

}  // namespace billbroker
