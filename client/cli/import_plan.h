// ImportPlan: the writes of `billbroker credential import`, decided before anything is written.
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
  CredentialTarget version = {};  // kAttach: the credential's version at the time of the plan
};

// The present state of the broker.
struct ImportWorld {
  std::set<std::string> environments;
  std::vector<v1::Credential> credentials;  // all, without their organizations
  // One credential with its organizations.
  std::function<absl::StatusOr<v1::Credential>(absl::string_view name)> get;
};

// Returns a step for each credential of the document. If the broker has no credential of the name,
// the step creates it and needs its secrets. An existing credential must have the same environment,
// kind, user, sync_token and device; the step attaches the organizations that it lacks. Stored
// values are never changed: secrets that the broker has already are ignored, right or wrong.
//
// Fails with INVALID_ARGUMENT and the place as a path if any step is impossible: a shape that the
// broker would refuse, a name or user that is a duplicate or taken, an unknown environment. Returns
// the errors of `get`.
// `get` are handed on.
[[nodiscard]] absl::StatusOr<std::vector<ImportStep>> PlanImport(
    std::vector<NewCredential> credentials, const ImportWorld& world);

// Returns "create acme with 2 organizations", "attach 1 organization to acme" or "nothing to do for
// acme".
[[nodiscard]] std::string Describe(const ImportStep& step);

}  // namespace billbroker
