#include "tests/e2e/keyring_probes.h"

#include <string>

#include "tests/support/await.h"

namespace billbroker {
namespace {

// Two probes, and the parts of a third one: the look at the default keyring, the search for the
// master key between two looks, and the key.
constexpr int kMaxCalls = 30;

bool IsOfProbe(const StubCall& call, const std::string& key_path) {
  return call.method == "Service.ReadAlias" || call.method == "Service.Unlock" ||
         call.method == "Service.SearchItems" ||
         (call.method == "Properties.Get" && call.property == "Locked") ||
         (call.method == "Item.GetSecret" && call.path == key_path);
}

}  // namespace

int CountCallsBeyondProbes(StubSecretService& stub) {
  const std::string key_path = stub.Items({{"kind", "key"}}).at(0).path;
  int beyond = 0;
  for (const StubCall& call : stub.Calls()) beyond += IsOfProbe(call, key_path) ? 0 : 1;
  return beyond;
}

void AwaitOnlyProbes(StubSecretService& stub) {
  Await(
      [&] {
        stub.ResetCalls();
        Await([&] { return stub.CountCalls("Service.SearchItems") >= 2; }, "two probes");
        return CountCallsBeyondProbes(stub) == 0 && stub.CountCalls() <= kMaxCalls;
      },
      "the Secret Service to get only probes");
}

}  // namespace billbroker
