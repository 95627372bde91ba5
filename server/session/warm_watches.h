// WarmWatches: the organizations that watchers keep signed in.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace billbroker {

// Counts watches by organization and credential name, which may be empty: any. Guarded by
// SessionManager.
class WarmWatches final {
 public:
  void Start(absl::string_view organization_id, absl::string_view credential,
             absl::string_view principal) {
    Watch& watch = watches_[{std::string(organization_id), std::string(credential)}];
    ++watch.count;
    watch.principal = std::string(principal);
  }
  void Stop(absl::string_view organization_id, absl::string_view credential) {
    const auto found = watches_.find({std::string(organization_id), std::string(credential)});
    if (found != watches_.end() && --found->second.count == 0) watches_.erase(found);
  }
  // Returns true if the slot is watched.
  [[nodiscard]] bool Contains(const std::string& organization_id,
                              const std::string& credential) const {
    return Find(organization_id, credential) != nullptr;
  }
  // Returns the principal of the newest watch, which is charged for a sign-in; empty if none is.
  [[nodiscard]] std::string FindPrincipal(const std::string& organization_id,
                                          const std::string& credential) const {
    const Watch* watch = Find(organization_id, credential);
    return watch == nullptr ? "" : watch->principal;
  }

 private:
  struct Watch {
    int count = 0;
    std::string principal;
  };

  [[nodiscard]] const Watch* Find(const std::string& organization_id,
                                  const std::string& credential) const {
    auto found = watches_.find({organization_id, credential});
    if (found == watches_.end()) found = watches_.find({organization_id, ""});
    return found == watches_.end() ? nullptr : &found->second;
  }

  std::map<std::pair<std::string, std::string>, Watch> watches_;
};

}  // namespace billbroker
