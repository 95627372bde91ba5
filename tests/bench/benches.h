// The benches. Each prints its measurements for people, and returns the figures of its last line. A
// bench fails if one of its calls fails. The bounds are in bounds.cc.
#pragma once

#include "absl/status/statusor.h"
#include "tests/bench/figures.h"

namespace billbroker {

struct BenchOptions {
  bool quick = false;  // sizes that only show that the bench runs
};

// Measures GetSession of a live session against a bare gRPC service.
[[nodiscard]] absl::StatusOr<Figures> BenchHit(const BenchOptions& options);
// Measures 10,000 callers of one cold organization.
[[nodiscard]] absl::StatusOr<Figures> BenchStampede(const BenchOptions& options);
// Measures 10,000 cold organizations at once against plain libcurl.
[[nodiscard]] absl::StatusOr<Figures> BenchCold(const BenchOptions& options);
// Measures the memory of 100,000 live sessions.
[[nodiscard]] absl::StatusOr<Figures> BenchMemory(const BenchOptions& options);
// Measures the start of a broker that was killed with 10,000 sessions.
[[nodiscard]] absl::StatusOr<Figures> BenchRestart(const BenchOptions& options);
// Measures a rotation of a credential of 10,000 organizations.
[[nodiscard]] absl::StatusOr<Figures> BenchRotate(const BenchOptions& options);
// Measures the time from the end of a fault of the keyring until the broker can use it again.
[[nodiscard]] absl::StatusOr<Figures> BenchKeyring(const BenchOptions& options);
// Measures 1,000 streams that watch one organization.
[[nodiscard]] absl::StatusOr<Figures> BenchWatch(const BenchOptions& options);
// Measures calls with 1,000, 10,000 and 100,000 slots.
[[nodiscard]] absl::StatusOr<Figures> BenchScale(const BenchOptions& options);

// Counts secrets in the broker's memory after their use, with and without wiping. Needs root.
[[nodiscard]] absl::StatusOr<Figures> BenchResidue(const BenchOptions& options);

}  // namespace billbroker
