#include "server/credentials/remember_me_expiry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/manual_time.h"
#include "tests/support/sample_ids.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RememberMeExpiryTest : public ::testing::Test, public MfaObserver {
 protected:
  void RememberMeExpires(absl::string_view credential, absl::Duration left) override {
    told_.push_back(absl::StrCat(credential, " ", absl::FormatDuration(left)));
  }

  void Store(absl::string_view name, absl::string_view fingerprint, absl::Time remembered) {
    auto info = std::make_shared<CredentialInfo>();
    info->name = std::string(name);
    info->uid = absl::StrCat("uid-of-credential-", name);
    info->version = ++version_;
    info->fingerprints["remember_me_id"] = std::string(fingerprint);
    info->remember_me_time = remembered;
    credentials_.Put(std::move(info));
  }

  std::vector<std::string> LookLater(absl::Duration time) {
    clock_.Advance(time);
    expiry_.Look();
    return std::exchange(told_, {});
  }

  ManualClock clock_;
  VaultHealth health_;
  CredentialIndex credentials_{health_};
  RememberMeExpiry expiry_{{clock_, credentials_, *this}};
  std::vector<std::string> told_;
  std::uint64_t version_ = 0;
};

constexpr absl::Duration kDay = absl::Hours(24);

TEST_F(RememberMeExpiryTest, NotifiesWeekAheadDayAheadAndAtExpiry) {
  Store(kAcme, "fingerprint-of-the-1st", clock_.Now());
  EXPECT_THAT(LookLater(22 * kDay), IsEmpty());
  EXPECT_THAT(LookLater(kDay), ElementsAre(absl::StrCat(kAcme, " 168h")));
  EXPECT_THAT(LookLater(absl::Hours(1)), IsEmpty());
  EXPECT_THAT(LookLater(6 * kDay), ElementsAre(absl::StrCat(kAcme, " 23h")));
  EXPECT_THAT(LookLater(absl::Hours(22)), IsEmpty());
  EXPECT_THAT(LookLater(absl::Hours(1)), ElementsAre(absl::StrCat(kAcme, " 0")));
  EXPECT_THAT(LookLater(kDay), IsEmpty());
}

TEST_F(RememberMeExpiryTest, NotifiesAgainForNewRememberMeId) {
  Store(kAcme, "fingerprint-of-the-1st", clock_.Now());
  EXPECT_THAT(LookLater(31 * kDay), ElementsAre(absl::StrCat(kAcme, " -24h")));
  Store(kAcme, "fingerprint-of-the-2nd", clock_.Now());
  EXPECT_THAT(LookLater(absl::Hours(1)), IsEmpty());
  EXPECT_THAT(LookLater(25 * kDay), ElementsAre(absl::StrCat(kAcme, " 119h")));
}

TEST_F(RememberMeExpiryTest, IgnoresRememberMeIdOfUnknownAge) {
  Store(kAcme, "fingerprint-of-the-1st", absl::InfinitePast());
  EXPECT_THAT(LookLater(365 * kDay), IsEmpty());
}

}  // namespace
}  // namespace billbroker
