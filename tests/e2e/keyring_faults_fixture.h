// The fixture of keyring_faults_test.cc: a broker that has one live session, and whose keyring gets
// one fault.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "tests/e2e/test_environment.h"
#include "tests/support/private_bus.h"
#include "tests/support/stub_secret_service.h"
#include "vault/base/error.h"

namespace billbroker {

// A keyring with the broker's master key, kAcme and kBooks.
class FaultyKeyring final {
 public:
  FaultyKeyring(PrivateBus& bus, StubSecretService& stub) : bus_(bus), stub_(stub) {}

  [[nodiscard]] PrivateBus& bus() { return bus_; }
  [[nodiscard]] StubSecretService& stub() { return stub_; }
  // Returns the only item of the master key.
  [[nodiscard]] StubItem Key() { return stub_.Items({{"kind", "key"}}).at(0); }
  // Returns the first item of kBooks.
  [[nodiscard]] StubItem Books() { return stub_.Items({{"credential", kBooks}}).at(0); }
  // Adds an item like this one, with another secret.
  void PlantCopy(const StubItem& item, const std::string& secret) {
    stub_.Plant(item.attributes, item.label, secret);
  }
  // Keeps a copy of the items, and stores it again in an empty keyring.
  void Save() { saved_ = stub_.Items(); }
  void RestoreSaved() {
    for (const StubItem& item : saved_) PlantCopy(item, item.secret);
  }

 private:
  PrivateBus& bus_;
  StubSecretService& stub_;
  std::vector<StubItem> saved_;
};

// The broker's answer to one call.
struct FaultAnswer {
  absl::optional<Reason> reason;  // nullopt: the call succeeds
  std::string vault_state = {};   // metadata; empty: none
  std::string text = {};          // a part of the message
};

// The change that an operator makes during the fault.
enum class OperatorChange {
  kAttach,  // of an organization to kBooks: replaces its item
  kCreate,  // adds an item
  kDelete,  // of kBooks
};

struct FaultEvent {
  std::string name;
  nlohmann::json fields = nlohmann::json::object();
};

// One row: a fault, and the observation of everyone during the fault. Callers of a live session
// observe nothing in any row.
struct KeyringFault {
  std::string name;
  std::function<void(FaultyKeyring&)> begin;
  std::function<void(FaultyKeyring&)> end = [](FaultyKeyring& keyring) { keyring.stub().Heal(); };
  FaultAnswer cold = {};        // a caller that needs a sign-in with kBooks
  std::string state = "ready";  // of `billbroker status`
  std::string detail = {};      // parts of its texts; empty: the text is empty
  std::string fix = {};
  std::string check = {};               // of `billbroker doctor` that finds it; empty: none
  std::vector<FaultEvent> events = {};  // of the log; one of them suffices; empty: none
  FaultAnswer change = {};
  OperatorChange operator_change = OperatorChange::kAttach;
  bool needs_root = false;
};

// Called by GoogleTest.
inline void PrintTo(const KeyringFault& row, std::ostream* out) { *out << row.name; }

// The rows of a fault of the bus or the provider, of the keyring, of single items, and of writes.
[[nodiscard]] std::vector<KeyringFault> ProviderFaults();
[[nodiscard]] std::vector<KeyringFault> CollectionFaults();
[[nodiscard]] std::vector<KeyringFault> ItemFaults();
[[nodiscard]] std::vector<KeyringFault> WriteFaults();

class KeyringFaultsTest : public ::testing::TestWithParam<KeyringFault> {
 protected:
  KeyringFaultsTest();

  // Starts the broker. The payables have a live session, and the bakery has none.
  void Begin();
  // Blocks until the log and the status of the broker show the fault.
  void AwaitFault();
  void ExpectLiveSessionIsServed();
  void ExpectColdCallerGets(const FaultAnswer& answer);
  void ExpectStatusShowsIt();
  void ExpectDoctorFindsIt();
  void ExpectEvents();
  void ExpectChangeGets(const FaultAnswer& answer);
  // Blocks until the broker has recovered and serves the bakery.
  void AwaitRecovery();
  void ExpectNothingEndedAtBill();

  TestEnvironment env_;
  StubSecretService stub_;
  FaultyKeyring keyring_;

 private:
  [[nodiscard]] absl::Status Change();
  [[nodiscard]] bool DocumentIsInvalid() const { return GetParam().check == "documents"; }

  absl::optional<ClientSession> live_;
  CredentialTarget books_;
};

}  // namespace billbroker
