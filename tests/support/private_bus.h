// PrivateBus: a private D-Bus session bus and gnome-keyring in a temporary folder.
//
// The recipe, for scripts that need the same:
//
//   # bus.conf has <listen>unix:path=FOLDER/bus</listen> and no servicedir, so that the bus never
//   # activates a service.
//   dbus-daemon --nofork --config-file=FOLDER/bus.conf
//   export DBUS_SESSION_BUS_ADDRESS=unix:path=FOLDER/bus HOME=FOLDER XDG_RUNTIME_DIR=FOLDER/run
//   export XDG_DATA_HOME=FOLDER/data XDG_CONFIG_HOME=FOLDER/config
//   printf %s PASSWORD | gnome-keyring-daemon --foreground --unlock --components=secrets
//
// The password must not contain a newline. The first --unlock creates the keyring "login", which is
// the default keyring. Without --unlock the daemon starts locked, or without a keyring in an empty
// folder. It is ready when org.freedesktop.secrets has an owner, and ends when its bus ends.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/child_process.h"

namespace billbroker {

// Aborts with the output of the processes if a step takes longer than ten seconds.
class PrivateBus final {
 public:
  enum class Start { kNothing, kBus, kBusAndUnlockedProvider };
  static constexpr char kPassword[] = "test keyring";  // of the default keyring

  explicit PrivateBus(Start start = Start::kBusAndUnlockedProvider);
  ~PrivateBus();
  PrivateBus(const PrivateBus&) = delete;
  PrivateBus& operator=(const PrivateBus&) = delete;

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string address() const { return "unix:path=" + folder_ + "/bus"; }
  // Returns "NAME=value" for child processes, PATH included.
  [[nodiscard]] std::vector<std::string> environment() const;
  // Makes it the session bus of this process. No other thread may read the environment meanwhile.
  void Export() const;

  void StartBus();
  enum class Guests { kRefused, kAdmitted };
  // Starts a bus that belongs to another user. Requires: root.
  void StartBusAs(uid_t user, Guests guests = Guests::kRefused);
  void KillBus();        // also ends the provider
  void StopBus() const;  // SIGSTOP
  void ContinueBus() const;
  void StartProvider(bool unlocked);
  void KillProvider();
  void StopProvider() const;  // SIGSTOP
  void ContinueProvider() const;

  // Returns the processes that own the name of the Secret Service, or wait for it: the owner first.
  [[nodiscard]] std::vector<pid_t> ProviderPids() const;

  // Lock and unlock the default keyring through the running provider.
  void Lock();
  void Unlock();
  using Attributes = std::map<std::string, std::string>;
  // Stores a new item.
  void Plant(const Attributes& attributes, const std::string& label, const std::string& secret);
  [[nodiscard]] int CountItems(const Attributes& attributes);

  // Runs a command in environment() to its end and returns its output, stderr included.
  [[nodiscard]] std::string Run(const std::vector<std::string>& command,
                                const std::string& standard_input = "") const;

 private:
  class Client;

  void WriteConfig(Guests guests) const;

  std::string folder_;
  std::unique_ptr<ChildProcess> bus_;
  std::unique_ptr<ChildProcess> provider_;
};

}  // namespace billbroker
