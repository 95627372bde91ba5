#include <grpc/support/log.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "client/cli/cli.h"
#include "client/cli/posix_host.h"
#include "client/cli/posix_terminal.h"
#include "client/cli/vault_probe.h"

int main(int argc, char** argv) {
  // gRPC's log would mix with the program's output; GRPC_VERBOSITY enables it.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) ::gpr_set_log_function([](gpr_log_func_args*) {});
  billbroker::PosixTerminal terminal(STDIN_FILENO, STDERR_FILENO);
  billbroker::PosixHost host;
  billbroker::VaultProbe keyring;
  const billbroker::SystemClock clock;
  billbroker::Io io{std::cout, std::cerr, terminal};
  return billbroker::RunCli({argv + 1, argv + argc}, io, host, keyring, clock);
}
