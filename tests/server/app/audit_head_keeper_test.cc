#include "server/app/audit_head_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/fake_store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_calls.h"

namespace billbroker {
namespace {

class AuditHeadKeeperTest : public ::testing::Test {
 protected:
  StoreContents OpenStore() { return OpenNow(store_, SecretString::CopyOf(std::string(32, 'k'))); }

  FakeStore store_;
  AuditHeadKeeper keeper_{store_};
};

TEST_F(AuditHeadKeeperTest, HeadIsUnknownUntilStoreIsOpen) {
  EXPECT_THAT(keeper_.Load(), StatusIs(absl::StatusCode::kUnavailable));
  keeper_.Restore(OpenStore());
  ASSERT_THAT(keeper_.Load(), IsOk());
  EXPECT_EQ((*keeper_.Load())->sequence, 0u);
}

TEST_F(AuditHeadKeeperTest, HeadSurvivesRestart) {
  keeper_.Restore(OpenStore());
  AuditMark mark{42, {}};
  mark.mac[0] = 0xAB;
  ASSERT_THAT(keeper_.Store(mark), IsOk());
  AuditHeadKeeper next(store_);
  next.Restore(OpenStore());
  EXPECT_EQ((*next.Load())->sequence, 42u);
  EXPECT_EQ((*next.Load())->mac, mark.mac);
}

TEST_F(AuditHeadKeeperTest, LostOrMalformedHeadIsEmpty) {
  keeper_.Restore(OpenStore());
  ASSERT_THAT(keeper_.Store({42, {}}), IsOk());
  StoreContents contents = OpenStore();
  ASSERT_TRUE(contents.audit_head.has_value());
  for (const bool lost : {false, true}) {
    contents.audit_head->mac = "no mac";
    if (lost) contents.audit_head.reset();
    keeper_.Restore(contents);
    ASSERT_THAT(keeper_.Load(), IsOk());
    EXPECT_EQ((*keeper_.Load())->sequence, 0u);
  }
}

TEST_F(AuditHeadKeeperTest, HeadOfUnopenedStoreComesLater) {
  keeper_.Restore(OpenStore());
  ASSERT_THAT(keeper_.Store({42, {}}), IsOk());
  store_.set_usable(false);
  AuditHeadKeeper next(store_);
  AuditHeadKeeper* const restored = &next;
  store_.Open(SecretString::CopyOf(std::string(32, 'k')),
              [restored](const StoreContents& contents) { restored->Restore(contents); });
  ASSERT_THAT(next.Load(), IsOk());
  EXPECT_FALSE(next.Load()->has_value());
  store_.set_usable(true);
  ASSERT_TRUE(next.Load()->has_value());
  EXPECT_EQ((*next.Load())->sequence, 42u);
}

TEST_F(AuditHeadKeeperTest, ReportsFailedWrite) {
  keeper_.Restore(OpenStore());
  store_.set_failing(true);
  EXPECT_THAT(keeper_.Store({1, {}}), StatusIs(absl::StatusCode::kUnavailable));
  store_.set_failing(false);
  EXPECT_THAT(keeper_.Store({2, {}}), IsOk());
  EXPECT_EQ(store_.contents().audit_head->sequence, 2u);
}

}  // namespace
}  // namespace billbroker
