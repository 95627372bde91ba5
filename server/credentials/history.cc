#include "server/credentials/history.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "vault/credential_change.h"

namespace billbroker {
namespace {

// Returns true if the line is needed for more than reading.
bool Matters(const PastChange& line) { return line.before.has_value() || line.end_sessions; }

}  // namespace

PastChange LineOf(const Credential& credential, const StagedRotation& made, PastChangeKind kind,
                  absl::Time now) {
  PastChange line;
  line.version = credential.version;
  line.kind = kind;
  line.principal = made.principal;
  line.time = now;
  line.fields = ChangedFields(made.change);
  return line;
}

void Remember(PastChange line, int kept_versions, Credential& in) {
  std::vector<PastChange>& history = in.history;
  history.insert(history.begin(), std::move(line));
  for (PastChange& past : history) {
    if (past.before.has_value() && kept_versions-- <= 0) past.before.reset();
  }
  while (history.size() > kMaxHistory) {
    const auto oldest = std::find_if_not(history.rbegin(), history.rend(), Matters);
    history.erase(oldest == history.rend() ? history.end() - 1 : oldest.base() - 1);
  }
}

}  // namespace billbroker
