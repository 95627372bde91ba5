#include "tests/support/stub_secret_service.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace billbroker {

StubSecretService::StubSecretService(std::string address, StubBehaviour behaviour)
    : address_(std::move(address)), dispatcher_(std::move(behaviour)) {
  Start();
}

void StubSecretService::Edit(absl::FunctionRef<void(StubSecretItems&)> change) {
  dispatcher_.Run([&] { change(dispatcher_.provider.items); });
}

void StubSecretService::EditItem(const std::string& path,
                                 absl::FunctionRef<void(StubItem&)> change) {
  Edit([&](StubSecretItems& items) {
    const StubItem* found = items.Find(path);
    if (found == nullptr) {
      g_printerr("stub Secret Service: no item %s\n", path.c_str());
      std::abort();
    }
    StubItem item = *found;
    change(item);
    items.Change(item);
  });
}

void StubSecretService::Stop() {
  dispatcher_.Run([&] { dispatcher_.Close(); });
}

void StubSecretService::Start(const Change& change) {
  dispatcher_.Run([&] {
    StubSecretProvider& provider = dispatcher_.provider;
    if (change.kind) provider.behaviour = *change.kind;
    if (change.empty && change.kind) {
      provider.items = StubSecretItems(provider.behaviour.collection);
    }
    if (change.empty) provider.items.RemoveAllItems();
    if (change.renumber) provider.items.Renumber();
    if (change.lock) provider.items.Lock("", *change.lock);
    provider.sessions.CloseAll();
    dispatcher_.Open(address_);
    if (!change.announce_collections) return;
    for (const auto& [path, collection] : provider.items.collections()) {
      dispatcher_.Send({"Service.CollectionCreated", path});
    }
  });
}

void StubSecretService::Restart(const Change& change) {
  Stop();
  Start(change);
}

std::string StubSecretService::Plant(const StubAttributes& attributes, const std::string& label,
                                     const std::string& secret, const std::string& collection) {
  std::string path;
  Edit([&](StubSecretItems& items) {
    StubItem item;
    item.attributes = attributes;
    item.label = label;
    item.secret = secret;
    path = items.Add(collection.empty() ? items.ReadAlias("default") : collection, item);
  });
  return path;
}

void StubSecretService::Remove(const std::string& path) {
  Edit([&](StubSecretItems& items) { items.Remove(path); });
}

void StubSecretService::RemoveAll() {
  Edit([&](StubSecretItems& items) { items.RemoveAllItems(); });
}

void StubSecretService::ChangeSecret(const std::string& path, const std::string& secret) {
  EditItem(path, [&](StubItem& item) {
    item.secret = secret;
    item.damaged = false;
  });
}

void StubSecretService::ChangeAttributes(const std::string& path,
                                         const StubAttributes& attributes) {
  EditItem(path, [&](StubItem& item) { item.attributes = attributes; });
}

void StubSecretService::Damage(const std::string& path) {
  EditItem(path, [&](StubItem& item) { item.damaged = true; });
}

std::optional<std::string> StubSecretService::Secret(const std::string& path) {
  std::optional<std::string> secret;
  Edit([&](StubSecretItems& items) {
    const StubItem* item = items.Find(path);
    if (item != nullptr) secret = item->secret;
  });
  return secret;
}

std::vector<StubItem> StubSecretService::Items(const StubAttributes& attributes) {
  std::vector<StubItem> found;
  Edit([&](StubSecretItems& items) { found = items.Search(attributes); });
  return found;
}

int StubSecretService::CountItems(const StubAttributes& attributes) {
  return static_cast<int>(Items(attributes).size());
}

std::string StubSecretService::AddCollection(const std::string& name, const std::string& alias) {
  std::string path;
  Edit([&](StubSecretItems& items) { path = items.AddCollection(name, alias); });
  return path;
}

void StubSecretService::RemoveCollection(const std::string& path) {
  Edit([&](StubSecretItems& items) { items.RemoveCollection(path); });
}

void StubSecretService::SetAlias(const std::string& alias, const std::string& collection) {
  Edit([&](StubSecretItems& items) { items.SetAlias(alias, collection); });
}

void StubSecretService::Lock(StubLock lock, const std::string& path) {
  Edit([&](StubSecretItems& items) { items.Lock(path, lock); });
}

void StubSecretService::Unlock(const std::string& path) {
  Edit([&](StubSecretItems& items) { items.Unlock(path); });
}

void StubSecretService::ForgetSessions(const std::string& error) {
  dispatcher_.Run([&] {
    dispatcher_.provider.behaviour.stale_session_error = error;
    dispatcher_.provider.sessions.CloseAll();
  });
}

void StubSecretService::ReuseSessionPaths() {
  dispatcher_.Run([&] { dispatcher_.provider.sessions.ReusePaths(); });
}

void StubSecretService::RekeySessions() {
  dispatcher_.Run([&] { dispatcher_.provider.sessions.RekeyAll(); });
}

void StubSecretService::Inject(StubFault fault) {
  dispatcher_.Run([&] { dispatcher_.faults.Add(std::move(fault)); });
}

void StubSecretService::Heal() {
  bool is_stopped = false;
  dispatcher_.Run([&] {
    dispatcher_.faults.Clear();
    dispatcher_.sends_signals = true;
    dispatcher_.ReleaseHeld();
    dispatcher_.provider.sessions.CloseRekeyed();
    StubSecretItems& items = dispatcher_.provider.items;
    items.Unlock("");
    for (StubItem& item : items.Search({})) {
      if (!item.damaged && item.lock == StubLock::kNone) continue;
      item.damaged = false;
      item.lock = StubLock::kNone;
      items.Change(item);
    }
    if (items.ReadAlias("default") == "/" && !items.collections().empty()) {
      items.SetAlias("default", items.collections().begin()->first);
    }
    is_stopped = !dispatcher_.is_open();
  });
  if (is_stopped) Start();
}

void StubSecretService::ReleaseHeld() {
  dispatcher_.Run([&] { dispatcher_.ReleaseHeld(); });
}

int StubSecretService::CountHeld() {
  int held = 0;
  dispatcher_.Run([&] { held = dispatcher_.held(); });
  return held;
}

int StubSecretService::CompletePrompts(bool dismissed) {
  int completed = 0;
  dispatcher_.Run([&] { completed = dispatcher_.CompletePrompts(dismissed); });
  return completed;
}

void StubSecretService::SetSignals(bool enabled) {
  dispatcher_.Run([&] { dispatcher_.sends_signals = enabled; });
}

void StubSecretService::SendSignal(const StubSignal& signal) {
  dispatcher_.Run([&] { dispatcher_.Send(signal); });
}

std::vector<StubCall> StubSecretService::Calls() {
  std::vector<StubCall> calls;
  dispatcher_.Run([&] { calls = dispatcher_.calls; });
  return calls;
}

int StubSecretService::CountCalls(const std::string& method) {
  const std::vector<StubCall> calls = Calls();
  return static_cast<int>(std::count_if(calls.begin(), calls.end(), [&](const StubCall& call) {
    return StubMethodMatches(call.method, method);
  }));
}

void StubSecretService::ResetCalls() {
  dispatcher_.Run([&] { dispatcher_.calls.clear(); });
}

void StubSecretService::ChangeBehaviour(absl::FunctionRef<void(StubBehaviour&)> change) {
  dispatcher_.Run([&] { change(dispatcher_.provider.behaviour); });
}

}  // namespace billbroker
