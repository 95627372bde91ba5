// WatchHub: who watches which organization, and what each of them has yet to be told. Knows no
// gRPC: server/rpc/watch_stream.h is the subscriber. Design: docs/adr/0013-watch-sessions.md.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/session/session_manager.h"
#include "vault/base/executor.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Holds no states, only which of them were not told since they changed: one mark for each watched
// organization, however often it changes. So a slow subscriber gets the latest state and never a
// backlog, and a change costs its own watchers only.
//
// Thread-safe. The executor is borrowed and must outlive the hub; the hub must outlive its
// subscriptions.
class WatchHub final : public SessionWatcher {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // There is something to take again, and it is the callee's turn: until its Take() says that
    // there is nothing left, no second call comes. Called on the executor, without a lock held;
    // must not block.
    virtual void News() = 0;
  };

  // What one subscriber watches. The entries are numbered as Subscribe() got them.
  class Subscription final {
   public:
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

    // The next entry whose state is to be told, the longest unsaid first; at the start that is
    // each of them, in order. nullopt: nothing is left, and the listener hears of the next change.
    [[nodiscard]] absl::optional<std::uint32_t> Take();

   private:
    friend class WatchHub;
    struct Place;

    Subscription(WatchHub& hub, std::weak_ptr<Listener> listener, std::size_t entries);
    // True where the listener is to be told.
    [[nodiscard]] bool Mark(std::uint32_t entry);
    [[nodiscard]] bool IsMarked(std::uint32_t entry);

    WatchHub& hub_;
    // Not kept alive: a listener that is gone hears nothing.
    const std::weak_ptr<Listener> listener_;
    std::vector<Place> places_;  // by entry; guarded by the hub's mutex
    Mutex mutex_;                // taken after the hub's
    std::vector<bool> marked_ ABSL_GUARDED_BY(mutex_);
    std::deque<std::uint32_t> queue_ ABSL_GUARDED_BY(mutex_);  // those that are marked
    bool idle_ ABSL_GUARDED_BY(mutex_) = false;                // Take() said that nothing is left
  };

  explicit WatchHub(Executor& executor) : executor_(executor) {}

  // It is the caller's turn to Take() first. An organization may be named more than once.
  [[nodiscard]] std::unique_ptr<Subscription> Subscribe(
      const std::vector<std::string>& organization_ids, std::weak_ptr<Listener> listener);

  void SessionChanged(absl::string_view organization_id) override;

  // What may have changed is not known by organization, as when the keyring was read.
  void EverythingChanged();

  // Organizations that somebody watches.
  [[nodiscard]] std::size_t watched() const;

  // Subscriptions to any of these organizations, and how many of them have taken the newest state
  // of each.
  struct Audience {
    int watchers = 0;
    int told = 0;
  };
  [[nodiscard]] Audience AudienceOf(const std::vector<std::string>& organization_ids) const;

 private:
  struct Watcher {
    Subscription* subscription;
    std::uint32_t entry;
  };
  struct Organization {
    std::string id;
    std::vector<Watcher> watchers;  // in any order
  };

  void Unsubscribe(Subscription& subscription);
  static void MarkAll(const Organization& organization,
                      std::vector<std::weak_ptr<Listener>>& to_tell);
  void Tell(std::vector<std::weak_ptr<Listener>> listeners);

  Executor& executor_;
  mutable Mutex mutex_;
  // Only those that somebody watches. Owned by pointer, because places refer to them.
  absl::flat_hash_map<std::string, std::unique_ptr<Organization>> organizations_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker
