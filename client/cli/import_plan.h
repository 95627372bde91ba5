// ImportPlan: what `billbroker credential import` is going to do, decided before anything is
// written.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "billbroker/v1/credential.pb.h"
#include "client/credential_client.h"

namespace billbroker {

// One write, or none, for a credential of the document.
struct ImportStep {
  enum class Action { kCreate, kAttach, kNothing };
  enum class State { kPlanned, kDone, kFailed, kNotTried };

  Action action = Action::kNothing;
  State state = State::kPlanned;
  // kCreate: all of it. kAttach: only the organizations that are not attached yet.
  NewCredential credential;
  CredentialTarget version = {};  // kAttach: what the credential was when the plan was made
};

// What the broker knows.
struct ImportWorld {
  std::set<std::string> environments;
  std::vector<v1::Credential> credentials;  // all, without their organizations
  // One credential with its organizations.
  std::function<absl::StatusOr<v1::Credential>(absl::string_view name)> get;
};

// A credential of a name that the broker does not know is created, and needs its secrets. One that
// it knows must be of the same environment, kind, user, sync_token and device; what it lacks of the
// organizations is attached. What is stored is never changed: secrets of the document that the
// broker has a place for already, right or wrong, are not looked at.
//
// INVALID_ARGUMENT with the place as a path where any of it cannot be done: a shape that the broker
// would refuse, a name or user that is there twice or taken, an unknown environment. The errors of
// `get` are handed on.
[[nodiscard]] absl::StatusOr<std::vector<ImportStep>> PlanImport(
    std::vector<NewCredential> credentials, const ImportWorld& world);

// "create acme with 2 organizations", "attach 1 organization to acme", "nothing to do for acme".
[[nodiscard]] std::string Describe(const ImportStep& step);

}  // namespace billbroker
