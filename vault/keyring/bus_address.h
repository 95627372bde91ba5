// The address of the D-Bus session bus, and why it cannot be used.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "vault/keyring/glib_ptr.h"
#include "vault/vault.h"

namespace billbroker {

// Returns the address that the environment gives: DBUS_SESSION_BUS_ADDRESS, else the socket "bus"
// in XDG_RUNTIME_DIR if it exists; empty if there is none. GIO itself would launch a bus for the X
// display, which a daemon must not do.
[[nodiscard]] std::string FindBusAddress();

// Returns the observation of a bus at `address` that could not be opened: there is no socket,
// nothing listens, it belongs to another user, it does not answer in time (`timed_out`). `error` is
// the error of GIO.
[[nodiscard]] VaultFinding ExplainBusFailure(absl::string_view address, bool timed_out,
                                             absl::string_view error);

// Returns the observation of a connection to `address` whose bus belongs to another user; nullopt
// if it is this user's, or if the connection is not a Unix socket and its peer has no user. Such a
// bus may admit this user, and then receives every call.
[[nodiscard]] absl::optional<VaultFinding> FindForeignPeer(absl::string_view address,
                                                           GDBusConnection* connection);

}  // namespace billbroker
