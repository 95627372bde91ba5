// Each fault of a keyring, and the observation of everyone.
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/e2e/keyring_faults_fixture.h"
#include "tests/e2e/keyring_probes.h"

namespace billbroker {
namespace {

TEST_P(KeyringFaultsTest, EveryoneSeesIt) {
  if (GetParam().needs_root && ::geteuid() != 0) GTEST_SKIP() << "only root can run the bus";
  ASSERT_NO_FATAL_FAILURE(Begin());
  GetParam().begin(keyring_);
  AwaitFault();
  ExpectLiveSessionIsServed();
  ExpectColdCallerGets(GetParam().cold);
  ExpectStatusShowsIt();
  ExpectDoctorFindsIt();
  ExpectEvents();
  ExpectChangeGets(GetParam().change);
  ExpectLiveSessionIsServed();

  GetParam().end(keyring_);
  AwaitRecovery();
  AwaitOnlyProbes(stub_);
  ExpectLiveSessionIsServed();
  ExpectNothingEndedAtBill();
}

std::string NameOf(const ::testing::TestParamInfo<KeyringFault>& test) { return test.param.name; }

INSTANTIATE_TEST_SUITE_P(Provider, KeyringFaultsTest, ::testing::ValuesIn(ProviderFaults()),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Collection, KeyringFaultsTest, ::testing::ValuesIn(CollectionFaults()),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Item, KeyringFaultsTest, ::testing::ValuesIn(ItemFaults()), NameOf);
INSTANTIATE_TEST_SUITE_P(Write, KeyringFaultsTest, ::testing::ValuesIn(WriteFaults()), NameOf);

}  // namespace
}  // namespace billbroker
