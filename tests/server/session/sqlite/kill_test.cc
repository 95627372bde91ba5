// kill -9 at any moment: every change that was confirmed is in the file afterwards.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <random>

#include "tests/server/session/sqlite/store_harness.h"
#include "tests/support/store_calls.h"

namespace billbroker {
namespace {

constexpr std::uint64_t kSlots = 7;

std::string KilledAttemptId(std::uint64_t n) { return "attempt-to-sign-in-" + std::to_string(n); }

// Writes the generations from `first` on to the slots in turn until it is killed. Sends each number
// to the pipe `to` after it was confirmed.
[[noreturn]] void WriteUntilKilled(const SqliteStoreOptions& options, std::uint64_t first, int to) {
  ManualClock clock;
  RecordingStoreObserver observer;
  SqliteStore store(options, clock, observer);
  (void)OpenNow(store, MasterKey());
  for (std::uint64_t i = first;; ++i) {
    store.WriteSoon(SampleAttempt(KilledAttemptId(i)));
    store.WriteSoon(AttemptForgotten{KilledAttemptId(i - 1)});
    const StoredSlot slot = SampleSlot(kSampleUid, SampleOrganizationId(i % kSlots), i);
    if (!WriteAndWait(store, slot).ok() || ::write(to, &i, sizeof(i)) != sizeof(i)) ::_exit(1);
  }
}

// Kills the child after about `numbers` acknowledgements and returns the last of them.
std::uint64_t KillAfter(const SqliteStoreOptions& options, std::uint64_t first, int numbers,
                        unsigned spin) {
  int ends[2] = {-1, -1};
  if (::pipe(ends) != 0) std::abort();
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    WriteUntilKilled(options, first, ends[1]);
  }
  ::close(ends[1]);
  std::uint64_t last = first - 1;
  for (int i = 0; i < numbers; ++i) {
    if (::read(ends[0], &last, sizeof(last)) != sizeof(last)) break;
  }
  // Spends a random time, so that the kill can also hit a write.
  for (unsigned i = 0; i < spin; ++i) (void)::getppid();
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";
  while (::read(ends[0], &last, sizeof(last)) == sizeof(last)) continue;
  ::close(ends[0]);
  return last;
}

TEST(SqliteStoreKillTest, AcknowledgedWritesSurviveKill) {
  SqliteStoreHarness harness;
  std::mt19937 random(20'270'115);  // NOLINT(cert-msc51-cpp): repeatable
  std::uint64_t last = 0;
  for (int run = 0; run < 60; ++run) {
    harness.Stop();
    const int numbers = static_cast<int>(random() % 40);
    last = KillAfter(harness.options(), last + 1, numbers, random() % 2000);
    const StoreContents read = harness.Reopen();
    EXPECT_EQ(harness.observer().events(), std::vector<std::string>{"state READY"}) << run;
    for (std::uint64_t i = last < kSlots ? 1 : last - kSlots + 1; i <= last; ++i) {
      std::uint64_t found = 0;
      for (const StoredSlot& slot : read.slots) {
        if (slot.organization_id == SampleOrganizationId(i % kSlots)) found = slot.generation;
      }
      // The change after `last` may be in the file too, although its confirmation was not read.
      EXPECT_TRUE(found == i || found == last + 1)
          << "run " << run << ": " << found << ", not " << i;
    }
    for (const StoredSlot& slot : read.slots) {
      EXPECT_EQ(Describe(slot),
                Describe(SampleSlot(kSampleUid, slot.organization_id, slot.generation)));
    }
    for (const StoredSlot& slot : read.slots) last = std::max(last, slot.generation);
  }
}

}  // namespace
}  // namespace billbroker
