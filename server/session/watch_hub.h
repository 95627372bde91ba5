// WatchHub: marks the watched organizations that changed, for each subscriber. It does not depend
// on gRPC; its subscriber is server/rpc/watch_stream.h. Design: docs/adr/0013-watch-sessions.md.
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

// Holds no states, only one mark for each watched organization of a subscriber: its state may have
// changed since the subscriber took it. Repeated changes set the same mark. So a slow subscriber
// gets the latest state and never a backlog, and a change costs only its own watchers.
//
// Thread-safe. The executor is borrowed and must outlive the hub; the hub must outlive its
// subscriptions.
class WatchHub final : public SessionWatcher {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // Starts the listener's turn, because there is something to take. There is no second call until
    // its Take() returns nullopt. Called on the executor without a lock held; must not block.
    virtual void News() = 0;
  };

  // The organizations that one subscriber watches, numbered in the order of Subscribe().
  class Subscription final {
   public:
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

    // Returns the next entry whose state is to be sent, in the order in which they were marked. At
    // the start every entry is marked, in order. Returns nullopt if none is left; then the next
    // change calls the listener.
    [[nodiscard]] absl::optional<std::uint32_t> Take();

   private:
    friend class WatchHub;
    struct Place;

    Subscription(WatchHub& hub, std::weak_ptr<Listener> listener, std::size_t entries);
    // Marks the entry. Returns true if the listener must be called.
    [[nodiscard]] bool Mark(std::uint32_t entry);
    [[nodiscard]] bool IsMarked(std::uint32_t entry);

    WatchHub& hub_;
    // A weak pointer: a listener that was destroyed is not called.
    const std::weak_ptr<Listener> listener_;
    std::vector<Place> places_;  // by entry; guarded by the hub's mutex
    Mutex mutex_;                // taken after the hub's
    std::vector<bool> marked_ ABSL_GUARDED_BY(mutex_);
    std::deque<std::uint32_t> queue_ ABSL_GUARDED_BY(mutex_);  // the marked entries
    bool idle_ ABSL_GUARDED_BY(mutex_) = false;                // Take() returned nullopt
  };

  explicit WatchHub(Executor& executor) : executor_(executor) {}

  // Subscribes `listener`. The caller takes the first turn by calling Take(). An organization may
  // be named more than once.
  [[nodiscard]] std::unique_ptr<Subscription> Subscribe(
      const std::vector<std::string>& organization_ids, std::weak_ptr<Listener> listener);

  void SessionChanged(absl::string_view organization_id) override;

  // Marks every organization. For changes that concern no particular one, such as a read of the
  // keyring.
  void EverythingChanged();

  // Returns the number of watched organizations.
  [[nodiscard]] std::size_t watched() const;

  // The number of subscriptions to any of these organizations, and how many of them have taken the
  // latest state of each.
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
  // Only organizations with watchers. Pointers, because places refer to them.
  absl::flat_hash_map<std::string, std::unique_ptr<Organization>> organizations_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker
