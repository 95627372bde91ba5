// What can be done with a CredentialChange.
#pragma once

#include <string>
#include <vector>

#include "vault/credential.h"

namespace billbroker {

[[nodiscard]] CredentialChange CloneOf(const CredentialChange& change);

// True where nothing is set.
[[nodiscard]] bool IsEmpty(const CredentialChange& change);

// Puts `change` in place. Organizations that are not attached are left out.
void Apply(const CredentialChange& change, Credential& to);

// Returns whether `credential` already has every value that `change` sets. `remember_me_time` does
// not count.
[[nodiscard]] bool IsInPlace(const CredentialChange& change, const Credential& credential);

// The change that undoes `change` of `credential` once it is in place.
[[nodiscard]] CredentialChange InverseOf(const CredentialChange& change,
                                         const Credential& credential);

// What `change` sets, as its fields are called: "password", "organizations", …
[[nodiscard]] std::vector<std::string> ChangedFields(const CredentialChange& change);

}  // namespace billbroker
