#include <filesystem>

#include "tests/server/session/session_store_contract.h"
#include "tests/server/session/sqlite/store_harness.h"
#include "tests/support/fake_store.h"

namespace billbroker {
namespace {

class FakeUnderTest final : public StoreUnderTest {
 public:
  SessionStore& store() override { return store_; }
  void Restart(bool same_boot) override { store_.set_same_boot(same_boot); }
  void FailWrites() override { store_.set_failing(true); }
  void RepairWrites() override { store_.set_failing(false); }
  void MakeUnusable() override { store_.set_usable(false); }
  void MakeUsable() override { store_.set_usable(true); }

 private:
  FakeStore store_;
};

class SqliteUnderTest final : public StoreUnderTest {
 public:
  SessionStore& store() override { return harness_.store(); }
  void Restart(bool same_boot) override {
    if (!same_boot) harness_.options().boot_id += "+";
    harness_.Start();
  }
  void FailWrites() override { no_writes_ = std::make_unique<NoWrites>(); }
  void RepairWrites() override { no_writes_.reset(); }
  // Puts a folder in place of the file.
  void MakeUnusable() override {
    harness_.Stop();
    std::filesystem::rename(harness_.path(), harness_.path() + ".kept");
    std::filesystem::create_directory(harness_.path());
    harness_.options().retry_interval = absl::Milliseconds(1);
  }
  void MakeUsable() override { ExchangeFiles(harness_.path(), harness_.path() + ".kept"); }

 private:
  SqliteStoreHarness harness_;
  std::unique_ptr<NoWrites> no_writes_;
};

std::unique_ptr<StoreUnderTest> MakeFake() { return std::make_unique<FakeUnderTest>(); }
std::unique_ptr<StoreUnderTest> MakeSqlite() { return std::make_unique<SqliteUnderTest>(); }

INSTANTIATE_TEST_SUITE_P(Stores, SessionStoreContract,
                         testing::Values(StoreKind{"fake", MakeFake},
                                         StoreKind{"sqlite", MakeSqlite}),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace billbroker
