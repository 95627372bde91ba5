// FoldUserName: the form in which names of BILL users are compared.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace billbroker {

// Returns a text that is equal for all spellings of one BILL user name: Unicode normalization form
// NFKC, without case. BILL does not document how it compares user names. Two names that are folded
// into one share the bound on failed sign-ins, which is safe. Two spellings of one user that stay
// apart would get twice that bound, and BILL could lock the user. Therefore NFKC, which also folds
// compatibility forms such as full-width letters, and not NFC.
//
// ASCII letters become lower case. A text that is not UTF-8 changes in its ASCII letters only.
[[nodiscard]] std::string FoldUserName(absl::string_view username);

}  // namespace billbroker
