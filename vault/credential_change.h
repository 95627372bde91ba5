// Operations on a CredentialChange.
#pragma once

#include <string>
#include <vector>

#include "vault/credential.h"

namespace billbroker {

[[nodiscard]] CredentialChange CloneOf(const CredentialChange& change);

// Returns true if the change sets nothing.
[[nodiscard]] bool IsEmpty(const CredentialChange& change);

// Applies `change`. Organizations that are not attached are ignored.
void Apply(const CredentialChange& change, Credential& to);

// Returns whether `credential` already has every value that `change` sets. `remember_me_time` does
// not count.
[[nodiscard]] bool IsInPlace(const CredentialChange& change, const Credential& credential);

// Returns the change that undoes `change` of `credential` after it is applied.
[[nodiscard]] CredentialChange InverseOf(const CredentialChange& change,
                                         const Credential& credential);

// Returns the names of the fields that `change` sets: "password", "organizations", …
[[nodiscard]] std::vector<std::string> ChangedFields(const CredentialChange& change);

}  // namespace billbroker
