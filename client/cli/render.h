// Output of the broker's answers: as JSON for programs (the shapes of docs/cli.md) and as tables
// for people.
#pragma once

#include <ostream>
#include <vector>

#include "absl/time/time.h"
#include "billbroker/v1/credential.pb.h"
#include "billbroker/v1/session.pb.h"
#include "client/cli/json.h"
#include "client/client_session.h"
#include "client/session_watch.h"

namespace billbroker {

// Returns the session; session id and devKey only with `show_secrets`.
[[nodiscard]] Json SessionJson(const ClientSession& session, bool show_secrets);
void PrintSession(const ClientSession& session, bool show_secrets, std::ostream& out);

// Returns one state of a watch: a session without its secrets, or the error.
[[nodiscard]] Json WatchJson(const WatchedOrganization& which,
                             const absl::StatusOr<ClientSession>& state, absl::Time now);
void PrintWatchLine(const WatchedOrganization& which, const absl::StatusOr<ClientSession>& state,
                    absl::Time now, std::ostream& out);

[[nodiscard]] Json SessionEntryJson(const v1::SessionEntry& entry);
void PrintSessionEntries(const std::vector<v1::SessionEntry>& entries, absl::Time now,
                         std::ostream& out);

// Returns the credential. `organizations` is true if it contains them (a list does not).
[[nodiscard]] Json CredentialJson(const v1::Credential& credential, bool organizations);
void PrintCredential(const v1::Credential& credential, std::ostream& out);
void PrintCredentials(const std::vector<v1::Credential>& credentials, std::ostream& out);

[[nodiscard]] Json StatusJson(const v1::GetStatusResponse& status);
void PrintStatus(const v1::GetStatusResponse& status, absl::Time now, std::ostream& out);

}  // namespace billbroker
