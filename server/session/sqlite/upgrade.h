// Upgrade of the rows of a session store of version 1.
#pragma once

#include <string>
#include <vector>

#include "server/session/session_store.h"

namespace billbroker {

// The row of a version 1 store, and the boot that its times since boot belong to.
struct OldRow {
  StoreChange change;
  std::string boot;
};

// Returns the changes that replace `rows`:
//   - A quarantine of a devKey is removed: version 1 did not store its evidence, and many of them
//     stand against a devKey that works.
//   - A slot that has a session gets the devKey of that session as the one that BILL accepted.
//   - The secret that BILL accepted last of each user becomes a row of its own.
//   - Other rows stay as they are.
[[nodiscard]] std::vector<OldRow> UpgradeFromVersion1(std::vector<OldRow> rows);

}  // namespace billbroker
