// The warnings that libsecret prints to standard error.
#pragma once

namespace billbroker {

// Switches off the line "couldn't lock 16384 bytes of memory (libgcrypt): …": standard error is the
// broker's log, and each of its lines is JSON. The log reports too low a limit as
// secret_memory_unlocked. Has no effect on a libsecret that does not export the switch.
void SilenceLibsecretWarnings();

}  // namespace billbroker
