#include "server/session/sqlite/upgrade.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "server/session/joined_keys.h"

namespace billbroker {
namespace {

// Adds a row for each user whose newest judged attempt was accepted.
void AddAcceptedSecrets(std::vector<OldRow>& rows) {
  std::vector<const StoredAttempt*> judged;
  for (const OldRow& row : rows) {
    const auto* attempt = absl::get_if<StoredAttempt>(&row.change);
    if (attempt == nullptr || !attempt->ended.has_value()) continue;
    const bool accepted = attempt->ending == SignInEnding::kAccepted;
    if (accepted || attempt->ending == SignInEnding::kFailed) judged.push_back(attempt);
  }
  std::sort(judged.begin(), judged.end(), [](const StoredAttempt* a, const StoredAttempt* b) {
    return a->ended->wall < b->ended->wall;
  });
  std::map<UserId, const StoredAttempt*> newest;
  for (const StoredAttempt* attempt : judged) newest[attempt->user] = attempt;
  std::vector<OldRow> accepted;
  for (const auto& [user, attempt] : newest) {
    if (attempt->ending != SignInEnding::kAccepted) continue;
    accepted.push_back({StoredAcceptedSecret{user, attempt->secret_id}, ""});
  }
  for (OldRow& row : accepted) rows.push_back(std::move(row));
}

}  // namespace

std::vector<OldRow> UpgradeFromVersion1(std::vector<OldRow> rows) {
  const std::string dev_key_scope = absl::StrCat("dev_key", kJoin);
  for (OldRow& row : rows) {
    if (auto* slot = absl::get_if<StoredSlot>(&row.change)) {
      if (slot->session != nullptr) slot->accepted_dev_key_id = slot->session->dev_key_id;
    } else if (const auto* quarantine = absl::get_if<StoredQuarantine>(&row.change)) {
      if (absl::StartsWith(quarantine->scope, dev_key_scope)) {
        row.change = QuarantineLifted{std::string(quarantine->scope)};
      }
    }
  }
  AddAcceptedSecrets(rows);
  return rows;
}

}  // namespace billbroker
