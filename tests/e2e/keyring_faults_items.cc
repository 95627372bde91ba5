#include <string>
#include <utility>
#include <vector>

#include "tests/e2e/keyring_faults_fixture.h"

namespace billbroker {
namespace {

const StubAttributes kBooksItem = {{"credential", kBooks}};

// A fault of the item of kBooks.
KeyringFault BrokenItem(std::string name, FaultAnswer answer,
                        std::function<void(FaultyKeyring&)> begin) {
  KeyringFault row;
  row.name = std::move(name);
  row.begin = std::move(begin);
  row.check = "documents";
  row.cold = answer;
  row.change = std::move(answer);
  row.events = {{"vault_document_invalid", {{"credential", kBooks}}}};
  return row;
}

// An item that the provider cannot return: it reports the item as changed.
KeyringFault UnreadableItem(std::string name, FaultAnswer answer, StubFault fault) {
  return BrokenItem(std::move(name), std::move(answer),
                    [fault = std::move(fault)](FaultyKeyring& keyring) {
                      keyring.stub().Inject(fault);
                      keyring.stub().SendSignal({"Collection.ItemChanged", keyring.Books().path});
                    });
}

KeyringFault ItemGarbled() {
  return BrokenItem("ItemGarbled", {Reason::kVaultUnreachable, "FAILING"},
                    [](FaultyKeyring& keyring) { keyring.stub().Damage(keyring.Books().path); });
}

KeyringFault ItemOverwritten() {
  KeyringFault row =
      BrokenItem("ItemOverwritten", {Reason::kVaultDocumentInvalid}, [](FaultyKeyring& keyring) {
        keyring.Save();
        keyring.stub().ChangeSecret(keyring.Books().path, "not a document at all");
      });
  row.end = [](FaultyKeyring& keyring) {
    keyring.stub().RemoveAll();
    keyring.RestoreSaved();
  };
  return row;
}

KeyringFault ItemTwice() {
  KeyringFault row = BrokenItem("ItemTwice", {Reason::kVaultDocumentInvalid, "", "more than once"},
                                [](FaultyKeyring& keyring) {
                                  std::string other = keyring.Books().secret;
                                  other.replace(other.find(kConsoleToken), 7, "another");
                                  keyring.PlantCopy(keyring.Books(), other);
                                });
  row.end = [](FaultyKeyring& keyring) {
    keyring.stub().Remove(keyring.stub().Items(kBooksItem).at(1).path);
  };
  return row;
}

KeyringFault ItemLocked() {
  return BrokenItem("ItemLocked", {Reason::kVaultLocked, "LOCKED", "is locked"},
                    [](FaultyKeyring& keyring) {
                      keyring.stub().Lock(StubLock::kNeedsPerson, keyring.Books().path);
                    });
}

KeyringFault EqualDuplicate() {
  KeyringFault row;
  row.name = "EqualDuplicate";
  row.begin = [](FaultyKeyring& keyring) {
    keyring.PlantCopy(keyring.Books(), keyring.Books().secret);
  };
  row.events = {{"vault_changed_elsewhere"}};
  return row;
}

KeyringFault ItemNotFoundOnce() {
  KeyringFault row;
  row.name = "ItemNotFoundOnce";
  row.begin = [](FaultyKeyring& keyring) {
    keyring.stub().Inject(StubFault::Omit("Service.SearchItems").ForItem(kBooksItem).Once());
  };
  return row;
}

// A write that fails although sign-ins work.
KeyringFault FailedWrite(std::string name, std::vector<StubFault> faults, OperatorChange change,
                         FaultAnswer answer) {
  KeyringFault row;
  row.name = std::move(name);
  row.begin = [faults = std::move(faults)](FaultyKeyring& keyring) {
    for (const StubFault& fault : faults) keyring.stub().Inject(fault);
  };
  row.operator_change = change;
  row.change = std::move(answer);
  return row;
}

std::vector<StubFault> FullDisk() {
  std::vector<StubFault> faults;
  for (const char* method : {"Collection.CreateItem", "Item.SetSecret"}) {
    faults.push_back(StubFault::Error(method, stub_error::kFailed, "No space left on device"));
  }
  return faults;
}

KeyringFault WantsPrompt(std::string name, OperatorChange change) {
  KeyringFault row =
      FailedWrite(std::move(name), {}, change, {Reason::kVaultLocked, "NEEDS_CONFIRMATION"});
  row.begin = [](FaultyKeyring& keyring) {
    keyring.stub().ChangeBehaviour(
        [](StubBehaviour& behaviour) { behaviour.prompts_for_changes = true; });
  };
  return row;
}

}  // namespace

std::vector<KeyringFault> ItemFaults() {
  return {ItemGarbled(),
          ItemOverwritten(),
          ItemTwice(),
          ItemLocked(),
          UnreadableItem(
              "ItemNotReturned", {Reason::kVaultUnreachable, "FAILING", "lists the item"},
              StubFault::Error("Item.GetSecret", stub_error::kNoSuchObject).ForItem(kBooksItem)),
          UnreadableItem("ItemHangs",
                         {Reason::kVaultUnreachable, "TIMED_OUT", "does not return the item"},
                         StubFault::Hang("Item.GetSecret").ForItem(kBooksItem)),
          EqualDuplicate(),
          ItemNotFoundOnce()};
}

std::vector<KeyringFault> WriteFaults() {
  const FaultAnswer disk = {Reason::kVaultUnreachable, "FAILING", "No space left on device"};
  const auto nothing_done = [](const std::string& verb) {
    return FaultAnswer{Reason::kVaultUnreachable, "FAILING", "OK and " + verb + " nothing"};
  };
  return {FailedWrite("DiskFull", FullDisk(), OperatorChange::kAttach, disk),
          FailedWrite("DiskFullForNewItem", FullDisk(), OperatorChange::kCreate, disk),
          FailedWrite("StoresNothing", {StubFault::Pretend("Item.SetSecret")},
                      OperatorChange::kAttach, nothing_done("stored")),
          FailedWrite("CreatesNothing", {StubFault::Pretend("Collection.CreateItem")},
                      OperatorChange::kCreate, nothing_done("stored")),
          FailedWrite("DeletesNothing", {StubFault::Pretend("Item.Delete")},
                      OperatorChange::kDelete, nothing_done("deleted")),
          WantsPrompt("PromptForNewItem", OperatorChange::kCreate),
          WantsPrompt("PromptForDeletion", OperatorChange::kDelete)};
}

}  // namespace billbroker
