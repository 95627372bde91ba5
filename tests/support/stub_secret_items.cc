#include "tests/support/stub_secret_items.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace billbroker {
namespace {

constexpr char kCollectionPrefix[] = "/org/freedesktop/secrets/collection/";
constexpr char kAliasPrefix[] = "/org/freedesktop/secrets/aliases/";
constexpr std::uint64_t kFirstTime = 1'700'000'000;  // later times count the changes

}  // namespace

std::string StubParentPath(const std::string& path) {
  return path.substr(0, path.find_last_of('/'));
}

bool StubHasAttributes(const StubAttributes& attributes, const StubAttributes& wanted) {
  for (const auto& [key, value] : wanted) {
    const auto found = attributes.find(key);
    if (found == attributes.end() || found->second != value) return false;
  }
  return true;
}

std::string StubSecretItems::AddCollection(const std::string& name, const std::string& alias) {
  std::string path = absl::StrCat(kCollectionPrefix, name);
  collections_[path] = StubCollection{name};
  if (!alias.empty()) aliases_[alias] = path;
  Note("Service.CollectionCreated", path);
  return path;
}

void StubSecretItems::RemoveCollection(const std::string& path) {
  const std::string resolved = Resolve(path);
  for (const StubItem& item : Search({}, resolved)) items_.erase(item.path);
  for (auto& [alias, target] : aliases_) {
    if (target == resolved) target = "/";
  }
  collections_.erase(resolved);
  Note("Service.CollectionDeleted", resolved);
}

std::string StubSecretItems::ReadAlias(const std::string& alias) const {
  const auto found = aliases_.find(alias);
  return found == aliases_.end() ? "/" : found->second;
}

std::string StubSecretItems::Resolve(const std::string& path) const {
  absl::string_view alias = path;
  const std::string target =
      absl::ConsumePrefix(&alias, kAliasPrefix) ? ReadAlias(std::string(alias)) : path;
  return collections_.count(target) == 0 ? "" : target;
}

std::string StubSecretItems::Add(const std::string& collection, StubItem item) {
  const std::string parent = Resolve(collection);
  std::string path = absl::StrCat(parent, "/", ++revision_);
  item.path = path;
  item.created = item.modified = kFirstTime + revision_;
  items_[path] = std::move(item);
  Note("Collection.ItemCreated", path);
  return path;
}

void StubSecretItems::Change(StubItem item, bool report_as_created) {
  item.modified = kFirstTime + ++revision_;
  Note(report_as_created ? "Collection.ItemCreated" : "Collection.ItemChanged", item.path);
  const std::string path = item.path;
  items_[path] = std::move(item);
}

void StubSecretItems::Remove(const std::string& path) {
  if (items_.erase(path) == 1) Note("Collection.ItemDeleted", path);
}

void StubSecretItems::RemoveAllItems() {
  for (const StubItem& item : Search({})) Remove(item.path);
}

void StubSecretItems::Renumber() {
  for (StubItem& item : Search({})) {
    items_.erase(item.path);
    item.path = absl::StrCat(StubParentPath(item.path), "/", ++revision_);
    const std::string path = item.path;
    items_[path] = std::move(item);
  }
}

const StubItem* StubSecretItems::Find(const std::string& path) const {
  const auto found = items_.find(path);
  return found == items_.end() ? nullptr : &found->second;
}

std::vector<StubItem> StubSecretItems::Search(const StubAttributes& attributes,
                                              const std::string& collection) const {
  std::vector<StubItem> found;
  for (const auto& [path, item] : items_) {
    const bool is_inside = collection.empty() || StubParentPath(path) == Resolve(collection);
    if (is_inside && StubHasAttributes(item.attributes, attributes)) found.push_back(item);
  }
  return found;
}

void StubSecretItems::Lock(const std::string& path, StubLock lock) {
  for (auto& [collection_path, collection] : collections_) {
    if (!path.empty() && collection_path != Resolve(path)) continue;
    collection.lock = lock;
    Note("Service.CollectionChanged", collection_path);
  }
  const auto item = items_.find(path);
  if (item == items_.end()) return;
  item->second.lock = lock;
  Note("Collection.ItemChanged", path);
}

void StubSecretItems::Unlock(const std::string& path) {
  Lock(path, StubLock::kNone);
  if (items_.count(path) != 0) Lock(StubParentPath(path), StubLock::kNone);
}

StubLock StubSecretItems::LockOf(const std::string& path) const {
  const auto collection = collections_.find(Resolve(path));
  if (collection != collections_.end()) return collection->second.lock;
  const StubItem* item = Find(path);
  if (item == nullptr) return StubLock::kNone;
  return item->lock != StubLock::kNone ? item->lock : LockOf(StubParentPath(path));
}

std::vector<StubSignal> StubSecretItems::TakeSignals() { return std::exchange(signals_, {}); }

}  // namespace billbroker
