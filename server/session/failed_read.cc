#include "server/session/failed_read.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

// VaultSync has usually read everything again by then.
constexpr absl::Duration kReadAgain = absl::Seconds(2);

}  // namespace

absl::Status FailedRead(const absl::Status& read, absl::string_view name,
                        const CredentialIndex& credentials, VaultHealth& health) {
  if (!HasReason(read, Reason::kUnknownCredential) || !credentials.Get(name).ok()) return read;
  health.RequestReload();
  return MakeError({Reason::kVaultUnreachable, kReadAgain, {{"credential", std::string(name)}}},
                   absl::StrCat("the keyring does not have credential \"", name,
                                "\" at the moment; the broker is reading it again"));
}

}  // namespace billbroker
