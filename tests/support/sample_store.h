// Things that a session store keeps, for tests: every secret in them contains "s3cret".
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "server/session/session_store.h"

namespace billbroker {

// Every field is set, and differs from generation to generation.
[[nodiscard]] SessionPtr SampleSession(const std::string& organization_id,
                                       std::uint64_t generation);
[[nodiscard]] StoredPair SamplePair(const std::string& uid, const std::string& organization_id,
                                    std::uint64_t generation);
// Not ended.
[[nodiscard]] StoredAttempt SampleAttempt(const std::string& id);
// A lock-out, which lapses.
[[nodiscard]] StoredQuarantine SampleQuarantine(const std::string& scope);

// Every field, secrets included, one a line: two are equal where their texts are. For tests only.
[[nodiscard]] std::string Describe(const StoredPair& pair);
[[nodiscard]] std::string Describe(const StoredAttempt& attempt);
[[nodiscard]] std::string Describe(const StoredQuarantine& quarantine);
[[nodiscard]] std::string Describe(const StoredAuditHead& head);
// In an order of their own, without `same_boot`.
[[nodiscard]] std::string Describe(const StoreContents& contents);

}  // namespace billbroker
