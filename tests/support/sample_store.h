// Rows of a session store, for tests. Every secret in them contains "s3cret".
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "server/session/session_store.h"
#include "tests/support/sample_ids.h"

namespace billbroker {

inline constexpr char kSampleUid[] = "uid-of-acme-accounts-payable";
inline constexpr char kSampleAttempt[] = "attempt-to-sign-in-1";
inline constexpr char kSampleScope[] = "scope-of-a-quarantine";
// Organizations for tests that need many: "0081" and `n` in 16 digits.
[[nodiscard]] std::string SampleOrganizationId(std::uint64_t n);

// Every field is set. Their values depend on the generation.
[[nodiscard]] SessionPtr SampleSession(const std::string& organization_id,
                                       std::uint64_t generation);
[[nodiscard]] StoredSlot SampleSlot(const std::string& uid, const std::string& organization_id,
                                    std::uint64_t generation);
// Of kSampleUid and kFirstOrganization.
[[nodiscard]] StoredSlot SampleSlot(std::uint64_t generation);
// An attempt that has not ended.
[[nodiscard]] StoredAttempt SampleAttempt(const std::string& id = kSampleAttempt);
// A lock-out, which expires.
[[nodiscard]] StoredQuarantine SampleQuarantine(const std::string& scope = kSampleScope);

[[nodiscard]] StoredAcceptedSecret SampleAcceptedSecret(
    const std::string& username = "ann@acme.example");
[[nodiscard]] StoredSuspension SampleSuspension(
    const std::string& dev_key_id = "fingerprint-of-a-dev-key");

// Return every field, secrets included. Two rows are equal if their texts are.
[[nodiscard]] std::string Describe(const StoredSlot& slot);
[[nodiscard]] std::string Describe(const StoredAttempt& attempt);
[[nodiscard]] std::string Describe(const StoredQuarantine& quarantine);
[[nodiscard]] std::string Describe(const StoredAuditHead& head);
[[nodiscard]] std::string Describe(const StoredAcceptedSecret& secret);
[[nodiscard]] std::string Describe(const StoredSuspension& suspension);
// Returns the rows in a fixed order, without `same_boot`.
[[nodiscard]] std::string Describe(const StoreContents& contents);

}  // namespace billbroker
