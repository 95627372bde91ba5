// WarmWatches: the organizations that watchers keep signed in.
#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace billbroker {

// Holds the watches by organization and credential name, which may be empty: any. Guarded by
// SessionManager.
class WarmWatches final {
 public:
  void Start(absl::string_view organization_id, absl::string_view credential,
             absl::string_view principal) {
    watches_[{std::string(organization_id), std::string(credential)}].emplace_back(principal);
  }
  // Ends one watch that was started with the same arguments.
  void Stop(absl::string_view organization_id, absl::string_view credential,
            absl::string_view principal) {
    const auto found = watches_.find({std::string(organization_id), std::string(credential)});
    if (found == watches_.end()) return;
    std::vector<std::string>& principals = found->second;
    const auto newest = std::find(principals.rbegin(), principals.rend(), principal);
    if (newest != principals.rend()) principals.erase(std::next(newest).base());
    if (principals.empty()) watches_.erase(found);
  }
  // Returns true if the slot is watched.
  [[nodiscard]] bool Contains(const std::string& organization_id,
                              const std::string& credential) const {
    return Find(organization_id, credential) != nullptr;
  }
  // Returns the principal of the newest watch, which is charged for a sign-in; empty if none is.
  [[nodiscard]] std::string FindPrincipal(const std::string& organization_id,
                                          const std::string& credential) const {
    const Principals* principals = Find(organization_id, credential);
    return principals == nullptr ? "" : principals->back();
  }

 private:
  using Principals = std::vector<std::string>;  // of each watch, in the order of their start

  [[nodiscard]] const Principals* Find(const std::string& organization_id,
                                       const std::string& credential) const {
    auto found = watches_.find({organization_id, credential});
    if (found == watches_.end()) found = watches_.find({organization_id, ""});
    return found == watches_.end() ? nullptr : &found->second;
  }

  std::map<std::pair<std::string, std::string>, Principals> watches_;
};

}  // namespace billbroker
