#include "server/app/closable_executor.h"

#include <gtest/gtest.h>

#include "tests/support/manual_time.h"

namespace billbroker {
namespace {

TEST(ClosableExecutorTest, WorkIsDroppedOnceItIsClosed) {
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
  EXPECT_EQ(ran, 2) << "what was passed on before is not taken back";
}

}  // namespace
}  // namespace billbroker
