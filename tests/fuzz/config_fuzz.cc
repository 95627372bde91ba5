// Checks that a configuration is parsed, or that each line of the error names the file and is plain
// text.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "server/app/config.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using billbroker::Require;
  const auto config = billbroker::ParseConfig(billbroker::TextOf(data, size), "b.toml");
  if (config.ok()) {
    Require(absl::StartsWith(config->state_dir, "/"), "the state folder is absolute");
    const billbroker::ListenerConfig& listener = config->listeners[0];
    Require(
        absl::StartsWith(listener.address.empty() ? listener.socket : listener.tls.client_ca, "/"),
        "the socket or the client CA is absolute");
    Require(!config->environments.empty(), "there is an environment");
    return 0;
  }
  for (const absl::string_view line : absl::StrSplit(config.status().message(), '\n')) {
    Require(absl::StartsWith(line, "b.toml:"), "an error names the file");
    Require(std::none_of(line.begin(), line.end(), absl::ascii_iscntrl),
            "an error has no control characters");
  }
  return 0;
}
