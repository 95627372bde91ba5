// StubSecretService: a Secret Service (org.freedesktop.secrets) whose every answer can be scripted.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "tests/support/stub_secret_dispatcher.h"
#include "tests/support/stub_secret_fault.h"
#include "tests/support/stub_secret_items.h"
#include "tests/support/stub_secret_provider.h"
#include "vault/base/random.h"

namespace billbroker {

// Reproduces the faults of gnome-keyring, KeePassXC and KWallet in the test's own process, for
// clients like libsecret and secret-tool:
//
//   PrivateBus bus(PrivateBus::Start::kBus);
//   bus.Export();
//   StubSecretService stub(bus.address());  // ready: one unlocked, empty collection
//   const std::string path = stub.Plant({{"kind", "key"}}, "a key", "its-secret-bytes");
//
//   stub.Inject(StubFault::LoseAnswer("Item.SetSecret").Once());
//   ... the client's write times out ...
//   EXPECT_EQ(stub.Secret(path), "new-secret-bytes");
//   EXPECT_EQ(stub.CountCalls("Item.SetSecret"), 1);
//   stub.Heal();
//
// It has a thread of its own. The methods are thread-safe and return when the change is made; a
// signal that they cause may reach the client later. `path` is the path of an item or of a
// collection that exists; an empty collection path stands for the one with the alias "default".
class StubSecretService final {
 public:
  // Starts on the bus at `address`. Aborts if there is no bus or the name has another owner.
  explicit StubSecretService(std::string address,
                             StubBehaviour behaviour = StubBehaviour::GnomeKeyring());
  ~StubSecretService() = default;
  StubSecretService(const StubSecretService&) = delete;
  StubSecretService& operator=(const StubSecretService&) = delete;

  // --- Process ---

  // The changes of a restart besides the connection, the sessions and the prompts.
  struct Change {
    bool empty = false;                      // the items are gone
    bool renumber = false;                   // the items have other paths
    bool announce_collections = false;       // CollectionCreated follows at once: KeePassXC
    std::optional<StubLock> lock = {};       // of all collections
    std::optional<StubBehaviour> kind = {};  // another program; with `empty`, its collection too
  };
  // Releases the name and closes the connection. Calls that were not answered fail at the client.
  void Stop();
  // Starts a stopped stub, without sessions. Faults and counters are kept.
  void Start(const Change& change);
  void Start() { Start(Change{}); }
  void Restart(const Change& change);
  void Restart() { Restart(Change{}); }

  // --- Items ---

  // Returns the path of a new item.
  std::string Plant(const StubAttributes& attributes, const std::string& label,
                    const std::string& secret, const std::string& collection = "");
  void Remove(const std::string& path);
  void RemoveAll();
  void ChangeSecret(const std::string& path, const std::string& secret);
  void ChangeAttributes(const std::string& path, const StubAttributes& attributes);
  // Makes every answer with this secret wrong in one bit, after encryption, until it is written or
  // Heal() is called.
  void Damage(const std::string& path);
  // Returns nothing if there is no such item.
  [[nodiscard]] std::optional<std::string> Secret(const std::string& path);
  // Returns the items that have all of these attributes.
  [[nodiscard]] std::vector<StubItem> Items(const StubAttributes& attributes = {});
  [[nodiscard]] int CountItems(const StubAttributes& attributes = {});

  // --- Collections and locks ---

  // Returns the path. `name` has only letters, digits and "_".
  std::string AddCollection(const std::string& name, const std::string& alias = "");
  void RemoveCollection(const std::string& path);
  // "/" makes it an alias of nothing.
  void SetAlias(const std::string& alias, const std::string& collection);
  // Without a path: all collections.
  void Lock(StubLock lock = StubLock::kNeedsPerson, const std::string& path = "");
  // Unlocks an item together with its collection.
  void Unlock(const std::string& path = "");

  // --- Sessions ---

  // Refuses earlier sessions with this D-Bus error.
  void ForgetSessions(const std::string& error = stub_error::kNoSession);
  // Gives the paths of forgotten sessions to the next ones, which have other keys.
  void ReuseSessionPaths();
  // Changes the keys of all open sessions: clients decrypt garbage. Heal() closes these sessions.
  void RekeySessions();

  // --- Faults and prompts ---

  void Inject(StubFault fault);
  // Makes one random fault, which Heal() ends, and returns its description. The fault itself
  // changes no item.
  std::string InjectRandom(Random& random);
  // Does the same with a fault in the answers to reads of items that have these attributes.
  std::string InjectRandomForItems(Random& random, const StubAttributes& attributes);
  // Ends every fault: starts a stopped stub, does the held calls, unlocks everything, repairs
  // damaged items, sends signals again, and makes the alias "default" valid. Changes of behaviour
  // and prompts that wait stay.
  void Heal();
  // Does and answers the calls that StubFault::Hold() held.
  void ReleaseHeld();
  [[nodiscard]] int CountHeld();
  // Completes the prompts that were shown and wait for the test. Returns their number.
  int CompletePrompts(bool dismissed);

  // --- Signals ---

  // Stops or resumes the signals of changes.
  void SetSignals(bool enabled);
  // Sends a signal, true or not: {"Service.CollectionCreated", path}.
  void SendSignal(const StubSignal& signal);

  // --- Calls ---

  [[nodiscard]] std::vector<StubCall> Calls();
  // Counts the calls of "Interface.Method", "Interface.*" or "*", such as "Prompt.Dismiss".
  [[nodiscard]] int CountCalls(const std::string& method = "*");
  void ResetCalls();

  // Changes the behaviour of the provider from now on.
  void ChangeBehaviour(absl::FunctionRef<void(StubBehaviour&)> change);

 private:
  void Edit(absl::FunctionRef<void(StubSecretItems&)> change);
  void EditItem(const std::string& path, absl::FunctionRef<void(StubItem&)> change);

  const std::string address_;
  StubSecretDispatcher dispatcher_;
};

}  // namespace billbroker
