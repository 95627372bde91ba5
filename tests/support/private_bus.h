// PrivateBus: a D-Bus session bus and a gnome-keyring of a test's own, in a temporary folder.
//
// The recipe, for scripts that need the same:
//
//   dbus-daemon --nofork --config-file=FOLDER/bus.conf    # <listen>unix:path=FOLDER/bus</listen>,
//   no
//                                                         # servicedir: nothing is ever activated
//   export DBUS_SESSION_BUS_ADDRESS=unix:path=FOLDER/bus HOME=FOLDER XDG_RUNTIME_DIR=FOLDER/run
//   export XDG_DATA_HOME=FOLDER/data XDG_CONFIG_HOME=FOLDER/config
//   printf %s PASSWORD | gnome-keyring-daemon --foreground --unlock --components=secrets
//
// The password must have no newline. The first --unlock creates the keyring "login", which is the
// default one; without --unlock it comes up locked, or, in an empty folder, without a keyring.
// Ready when org.freedesktop.secrets has an owner. The daemon ends when its bus does.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/child_process.h"

namespace billbroker {

// Aborts, with the processes' output, where a step does not succeed within ten seconds.
class PrivateBus final {
 public:
  enum class Start { kNothing, kBus, kBusAndUnlockedProvider };

  explicit PrivateBus(Start start = Start::kBusAndUnlockedProvider);
  ~PrivateBus();
  PrivateBus(const PrivateBus&) = delete;
  PrivateBus& operator=(const PrivateBus&) = delete;

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string address() const { return "unix:path=" + folder_ + "/bus"; }
  // "NAME=value" for child processes: all that they need, PATH included.
  [[nodiscard]] std::vector<std::string> environment() const;
  // Makes it the session bus of this process. Not while other threads read the environment.
  void Export() const;

  void StartBus();
  void KillBus();  // and with it the provider
  void StartProvider(bool unlocked);
  void KillProvider();
  void StopProvider() const;  // SIGSTOP
  void ContinueProvider() const;

  // The default keyring, through the running provider.
  void Lock();
  void Unlock();
  using Attributes = std::map<std::string, std::string>;
  // Stores an item, always a new one.
  void Plant(const Attributes& attributes, const std::string& label, const std::string& secret);
  [[nodiscard]] int CountItems(const Attributes& attributes);

  // Runs a command in environment() to its end and returns what it wrote, errors included.
  [[nodiscard]] std::string Run(const std::vector<std::string>& command) const;

 private:
  class Client;

  std::string folder_;
  std::unique_ptr<ChildProcess> bus_;
  std::unique_ptr<ChildProcess> provider_;
};

}  // namespace billbroker
