#include "server/app/closable_executor.h"

#include <gtest/gtest.h>

#include "tests/support/manual_time.h"

namespace billbroker {
namespace {

TEST(ClosableExecutorTest, DropsWorkAfterClose) {
  ManualClock clock;
  ManualExecutor inner(clock);
  ClosableExecutor executor(inner);
  int ran = 0;
  executor.Run([&ran] { ++ran; });
  executor.RunAfter(absl::Seconds(1), [&ran] { ++ran; });
  executor.Close();
  executor.Run([&ran] { ran += 100; });
  executor.RunAfter(absl::ZeroDuration(), [&ran] { ran += 100; });
  inner.Advance(absl::Seconds(2));
  EXPECT_EQ(ran, 2) << "work that was passed on before runs";
}

}  // namespace
}  // namespace billbroker
