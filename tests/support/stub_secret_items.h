// StubSecretItems: the collections and items of the stub Secret Service.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace billbroker {

using StubAttributes = std::map<std::string, std::string>;

enum class StubLock {
  kNone,
  kOpensOnRequest,  // Unlock() opens it: a keyring with an empty password
  kNeedsPerson,     // Unlock() answers with a prompt, which the test completes
};

struct StubItem {
  std::string path;
  StubAttributes attributes;
  std::string label;
  std::string secret;
  std::string content_type = "text/plain";
  StubLock lock = StubLock::kNone;  // in addition to the lock of its collection
  bool damaged = false;             // one bit of its encrypted secret is wrong in each answer
  std::uint64_t created = 0;
  std::uint64_t modified = 0;
};

struct StubCollection {
  std::string label;
  StubLock lock = StubLock::kNone;
};

// A signal of the provider, such as {"Collection.ItemCreated", path of the item} or
// {"Service.CollectionChanged", path of the collection}.
struct StubSignal {
  std::string name;
  std::string object;
};

// A value: a copy is a snapshot. Changes are noted as signals. Requires: every path that is given
// exists. The path of a collection may be that of an alias.
class StubSecretItems final {
 public:
  // Makes one empty collection, whose alias is "default".
  explicit StubSecretItems(const std::string& collection) { AddCollection(collection, "default"); }

  // Returns the path. `name` is part of it: letters, digits and "_".
  std::string AddCollection(const std::string& name, const std::string& alias = "");
  void RemoveCollection(const std::string& path);
  // Points to no collection if `path` is "/".
  void SetAlias(const std::string& alias, const std::string& path) { aliases_[alias] = path; }
  // Returns "/" if there is none.
  [[nodiscard]] std::string ReadAlias(const std::string& alias) const;
  // Returns the path of the collection that is called so, also by a path of an alias; empty if
  // there is none.
  [[nodiscard]] std::string Resolve(const std::string& path) const;
  [[nodiscard]] const std::map<std::string, StubCollection>& collections() const {
    return collections_;
  }

  // Adds an item to the collection and returns the path. The fields `path`, `created` and
  // `modified` of `item` do not matter.
  std::string Add(const std::string& collection, StubItem item);
  // Replaces the item of the same path. gnome-keyring reports a replaced item as created.
  void Change(StubItem item, bool report_as_created = false);
  void Remove(const std::string& path);
  void RemoveAllItems();
  // Gives all items new paths.
  void Renumber();
  [[nodiscard]] const StubItem* Find(const std::string& path) const;
  // Returns the items that have all of these attributes, and are in this collection if it is given.
  [[nodiscard]] std::vector<StubItem> Search(const StubAttributes& attributes,
                                             const std::string& collection = "") const;

  // Locks a collection or an item; `path` empty: all collections.
  void Lock(const std::string& path, StubLock lock);
  // The same for unlocking. An item is unlocked together with its collection.
  void Unlock(const std::string& path);
  // Returns the lock that protects this collection or item; kNone if it does not exist.
  [[nodiscard]] StubLock LockOf(const std::string& path) const;
  [[nodiscard]] bool IsLocked(const std::string& path) const {
    return LockOf(path) != StubLock::kNone;
  }

  // Returns the signals of the changes since the last call.
  [[nodiscard]] std::vector<StubSignal> TakeSignals();

 private:
  void Note(const std::string& name, const std::string& object) {
    signals_.push_back({name, object});
  }

  std::map<std::string, StubCollection> collections_;
  std::map<std::string, std::string> aliases_;
  std::map<std::string, StubItem> items_;
  std::uint64_t revision_ = 0;
  std::vector<StubSignal> signals_;
};

// Returns the path of the collection of an item.
[[nodiscard]] std::string StubParentPath(const std::string& path);

// Returns whether `attributes` include all of `wanted`.
[[nodiscard]] bool StubHasAttributes(const StubAttributes& attributes,
                                     const StubAttributes& wanted);

}  // namespace billbroker
