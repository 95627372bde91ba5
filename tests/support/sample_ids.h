// Ids for tests. They are longer than a string's internal buffer (15 characters), so that
// AddressSanitizer sees a view or a copy that outlives its owner.
#pragma once

namespace billbroker {

inline constexpr char kAcme[] = "acme-accounts-payable";  // a credential

// Organizations, in order. SampleUser() serves the first two.
inline constexpr char kFirstOrganization[] = "00800000000000000081";
inline constexpr char kSecondOrganization[] = "00800000000000000082";
inline constexpr char kThirdOrganization[] = "00800000000000000083";

}  // namespace billbroker
