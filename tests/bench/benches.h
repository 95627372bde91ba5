// The benches. Each says for people what it measures, and returns the figures of its last line; an
// error where a call failed, so that there is nothing to measure. Targets: docs/performance.md.
#pragma once

#include "absl/status/statusor.h"
#include "tests/bench/figures.h"

namespace billbroker {

struct BenchOptions {
  bool quick = false;  // sizes that only show that it runs
};

// GetSession of a live session against a bare gRPC service.
[[nodiscard]] absl::StatusOr<Figures> BenchHit(const BenchOptions& options);
// 10,000 callers of one cold organization.
[[nodiscard]] absl::StatusOr<Figures> BenchStampede(const BenchOptions& options);
// 10,000 cold organizations at once.
[[nodiscard]] absl::StatusOr<Figures> BenchCold(const BenchOptions& options);
// 100,000 live sessions.
[[nodiscard]] absl::StatusOr<Figures> BenchMemory(const BenchOptions& options);
// A broker that was killed with 10,000 sessions.
[[nodiscard]] absl::StatusOr<Figures> BenchRestart(const BenchOptions& options);
// A rotation of a credential of 10,000 organizations.
[[nodiscard]] absl::StatusOr<Figures> BenchRotate(const BenchOptions& options);
// 1,000 streams that watch one organization.
[[nodiscard]] absl::StatusOr<Figures> BenchWatch(const BenchOptions& options);

// Secrets in the broker's memory after their use, with and without wiping. Wants root.
[[nodiscard]] absl::StatusOr<Figures> BenchResidue(const BenchOptions& options);

}  // namespace billbroker
