#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include "tests/e2e/keyring_faults_fixture.h"
#include "tests/support/raw_secret_client.h"

namespace billbroker {
namespace {

using Change = StubSecretService::Change;

constexpr uid_t kNobody = 65534;

std::vector<FaultEvent> StateEvent(const std::string& state) {
  return {{"vault_state", {{"state", state}}}};
}

// A probe that falls into the restart itself sees that there is no provider.
std::vector<FaultEvent> RestartEvents() {
  return {{"vault_changed_elsewhere"}, {"vault_state", {{"state", "NO_PROVIDER"}}}};
}

// A fault of the whole keyring: every call that needs it fails with the state.
KeyringFault WholeKeyring(std::string name, absl::optional<Reason> reason,
                          const std::string& state_name) {
  KeyringFault row;
  row.name = std::move(name);
  row.cold = {reason, state_name};
  row.change = row.cold;
  row.events = StateEvent(state_name);
  row.state = state_name;
  std::transform(row.state.begin(), row.state.end(), row.state.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return row;
}

KeyringFault Unreachable(std::string name, const std::string& state_name, std::string check,
                         std::string detail, std::string fix) {
  KeyringFault row = WholeKeyring(std::move(name), Reason::kVaultUnreachable, state_name);
  row.check = std::move(check);
  row.detail = std::move(detail);
  row.fix = std::move(fix);
  return row;
}

KeyringFault BusGone() {
  KeyringFault row =
      Unreachable("BusGone", "NO_BUS", "bus", "cannot be reached", "start a session bus");
  row.begin = [](FaultyKeyring& keyring) {
    keyring.stub().Stop();
    keyring.bus().KillBus();
  };
  row.end = [](FaultyKeyring& keyring) {
    keyring.bus().StartBus();
    keyring.stub().Start();
  };
  return row;
}

KeyringFault BusMute() {
  KeyringFault row = Unreachable("BusMute", "NO_BUS", "bus", "does not answer", "restart that bus");
  row.begin = [](FaultyKeyring& keyring) { keyring.bus().StopBus(); };
  row.end = [](FaultyKeyring& keyring) { keyring.bus().ContinueBus(); };
  return row;
}

KeyringFault BusOfAnotherUser() {
  KeyringFault row = Unreachable("BusOfAnotherUser", "NO_BUS", "bus", "belongs to uid 65534",
                                 "run the broker as the user of the bus");
  row.needs_root = true;
  row.begin = [](FaultyKeyring& keyring) {
    keyring.stub().Stop();
    keyring.bus().KillBus();
    keyring.bus().StartBusAs(kNobody);
  };
  row.end = [](FaultyKeyring& keyring) {
    keyring.bus().KillBus();
    keyring.bus().StartBus();
    keyring.stub().Start();
  };
  return row;
}

KeyringFault ProviderGone() {
  KeyringFault row = Unreachable("ProviderGone", "NO_PROVIDER", "provider",
                                 "no Secret Service answers", "start the program");
  row.begin = [](FaultyKeyring& keyring) { keyring.stub().Stop(); };
  return row;
}

// A fault that nobody observes, except as events of the log.
KeyringFault Unnoticed(std::string name, std::function<void(FaultyKeyring&)> begin,
                       std::vector<FaultEvent> events = {}) {
  KeyringFault row;
  row.name = std::move(name);
  row.begin = std::move(begin);
  row.events = std::move(events);
  return row;
}

KeyringFault SessionOfAnotherClient() {
  return Unnoticed("SessionOfAnotherClient", [](FaultyKeyring& keyring) {
    keyring.stub().ForgetSessions();
    keyring.stub().ReuseSessionPaths();
    (void)RawSecretClient(keyring.bus()).OpenSession();
  });
}

// The signal that ended the broker of KeePassXC: libsecret 0.20.5 crashed.
KeyringFault SignalBeforeAnswer() {
  return Unnoticed(
      "SignalBeforeAnswer",
      [](FaultyKeyring& keyring) {
        keyring.stub().Inject(StubFault::SignalFirst(
            "Properties.GetAll",
            {"Service.CollectionCreated", "/org/freedesktop/secrets/collection/login"}));
        keyring.stub().Restart({.announce_collections = true});
      },
      RestartEvents());
}

KeyringFault PlainProvider() {
  KeyringFault row = Unreachable("PlainProvider", "NOT_ENCRYPTED", "provider",
                                 "only without encryption", "use another provider");
  row.begin = [](FaultyKeyring& keyring) {
    StubBehaviour plain;
    plain.plain_only = true;
    keyring.stub().Restart({.kind = plain});
  };
  row.end = [](FaultyKeyring& keyring) {
    keyring.stub().Restart({.kind = StubBehaviour::GnomeKeyring()});
  };
  return row;
}

KeyringFault TooSlowProvider() {
  KeyringFault row = Unreachable("TooSlowProvider", "TIMED_OUT", "provider",
                                 "does not answer in time", "restart it");
  row.begin = [](FaultyKeyring& keyring) {
    keyring.stub().Inject(StubFault::DelayAnswer("*", absl::Seconds(5)));
  };
  return row;
}

KeyringFault FailingProvider() {
  KeyringFault row =
      Unreachable("FailingProvider", "FAILING", "provider", "the wallet is corrupt", "see its log");
  row.begin = [](FaultyKeyring& keyring) {
    keyring.stub().Inject(StubFault::Error("*", stub_error::kFailed, "the wallet is corrupt"));
  };
  return row;
}

KeyringFault Replaced(std::string name) {
  return Unreachable(std::move(name), "REPLACED", "key",
                     "does not have the broker's master key any more",
                     "bring the keyring with the key back");
}

KeyringFault ProviderReplaced() {
  KeyringFault row = Replaced("ProviderReplaced");
  row.begin = [](FaultyKeyring& keyring) {
    keyring.Save();
    keyring.stub().Restart({.empty = true, .kind = StubBehaviour::KWallet()});
  };
  row.end = [](FaultyKeyring& keyring) {
    keyring.stub().Restart({.empty = true, .kind = StubBehaviour::GnomeKeyring()});
    keyring.RestoreSaved();
  };
  return row;
}

KeyringFault KeyringEmptied() {
  KeyringFault row = Replaced("KeyringEmptied");
  row.begin = [](FaultyKeyring& keyring) {
    keyring.Save();
    keyring.stub().RemoveAll();
  };
  row.end = [](FaultyKeyring& keyring) { keyring.RestoreSaved(); };
  return row;
}

KeyringFault DefaultMoved() {
  KeyringFault row = Replaced("DefaultMoved");
  row.begin = [](FaultyKeyring& keyring) { keyring.stub().AddCollection("other", "default"); };
  row.end = [](FaultyKeyring& keyring) {
    keyring.stub().SetAlias("default", "/org/freedesktop/secrets/collection/login");
  };
  return row;
}

KeyringFault NoDefault() {
  KeyringFault row = Unreachable("NoDefault", "NO_COLLECTION", "collection",
                                 "has no default keyring", "create one");
  row.begin = [](FaultyKeyring& keyring) { keyring.stub().SetAlias("default", "/"); };
  return row;
}

KeyringFault CollectionLocked() {
  KeyringFault row = WholeKeyring("CollectionLocked", Reason::kVaultLocked, "LOCKED");
  row.check = "lock";
  row.detail = "the keyring is locked";
  row.fix = "unlock the default keyring";
  row.begin = [](FaultyKeyring& keyring) { keyring.stub().Lock(); };
  return row;
}

KeyringFault KeyInvalid(std::string name, std::string detail) {
  return Unreachable(std::move(name), "KEY_INVALID", "key", std::move(detail), "restore the item");
}

KeyringFault KeyDamaged() {
  KeyringFault row = KeyInvalid("KeyDamaged", "is not 64 hexadecimal digits");
  row.begin = [](FaultyKeyring& keyring) {
    keyring.Save();
    keyring.stub().ChangeSecret(keyring.Key().path, "half of the mast");
  };
  row.end = [](FaultyKeyring& keyring) {
    keyring.stub().RemoveAll();
    keyring.RestoreSaved();
  };
  return row;
}

KeyringFault KeyTwice() {
  KeyringFault row = KeyInvalid("KeyTwice", "stored more than once with different values");
  row.fix = "delete the newer items";
  row.begin = [](FaultyKeyring& keyring) {
    keyring.PlantCopy(keyring.Key(), std::string(64, 'a'));
  };
  row.end = [](FaultyKeyring& keyring) {
    keyring.stub().Remove(keyring.stub().Items({{"kind", "key"}}).at(1).path);
  };
  return row;
}

// The state of one probe.
KeyringFault KeyNotFoundOnce() {
  return Unnoticed(
      "KeyNotFoundOnce",
      [](FaultyKeyring& keyring) {
        keyring.stub().Inject(
            StubFault::Omit("Service.SearchItems").ForItem({{"kind", "key"}}).Once());
      },
      StateEvent("REPLACED"));
}

}  // namespace

std::vector<KeyringFault> ProviderFaults() {
  const auto delay = [](FaultyKeyring& keyring) {
    keyring.stub().Inject(StubFault::DelayAnswer("*", absl::Milliseconds(20)));
  };
  const auto restart = [](const Change& change) {
    return [change](FaultyKeyring& keyring) { keyring.stub().Restart(change); };
  };
  return {BusGone(),
          BusMute(),
          BusOfAnotherUser(),
          ProviderGone(),
          PlainProvider(),
          TooSlowProvider(),
          FailingProvider(),
          SessionOfAnotherClient(),
          SignalBeforeAnswer(),
          Unnoticed("SlowProvider", delay),
          Unnoticed("ProviderRestarted", restart({}), RestartEvents()),
          Unnoticed("RestartedWithOtherPaths", restart({.renumber = true}), RestartEvents())};
}

std::vector<KeyringFault> CollectionFaults() {
  return {ProviderReplaced(), KeyringEmptied(), DefaultMoved(), NoDefault(),
          CollectionLocked(), KeyDamaged(),     KeyTwice(),     KeyNotFoundOnce()};
}

}  // namespace billbroker
