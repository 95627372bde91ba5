// The heap of a process that reads credentials from the keyring for a long time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstddef>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_format.h"
#include "tests/support/await.h"
#include "tests/support/private_bus.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stub_secret_service.h"
#include "tests/vault/keyring/open_vault.h"
#include "vault/document.h"
#include "vault/keyring/deadline.h"
#include "vault/keyring/keyring_thread.h"
#include "vault/keyring/keyring_vault.h"
#include "vault/keyring/secret_service_items.h"

namespace billbroker {
namespace {

// A sanitizer has a heap of its own, which mallinfo2() does not show.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BILLBROKER_OTHER_HEAP
#endif
#endif
#ifdef BILLBROKER_OTHER_HEAP
constexpr bool kHeapIsShown = false;
#else
constexpr bool kHeapIsShown = true;
#endif

constexpr int kOrganizations = 10'000;
constexpr int kFirstReads = 200;  // until all caches are full
constexpr int kReads = 2'000;
constexpr int kReadsPerLoad = 20;  // a debug build takes long to parse a document of that size
// Half a kibibyte for each read. libsecret 0.20.5 leaked 204 KB for each.
constexpr std::size_t kTolerance = 1 << 20;

std::size_t HeapInUse() {
  ::malloc_trim(0);
  const struct mallinfo2 heap = ::mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

Credential LargeCredential() {
  Credential credential = SampleUser("acme-payables-user");
  credential.organizations.clear();
  for (int n = 0; n < kOrganizations; ++n) {
    credential.organizations.push_back({absl::StrFormat("008%017d", n), SecretString()});
  }
  return credential;
}

// The items of the session bus, on a thread of their own.
class ItemsOnThread final {
 public:
  ~ItemsOnThread() {
    Run([this](Deadline) { items_.reset(); });
  }
  absl::StatusOr<SecretString> Read(const std::string& path) {
    absl::StatusOr<SecretString> secret;
    Run([&](Deadline deadline) {
      if (items_ == nullptr) items_ = std::make_unique<SecretServiceItems>(/*allow_plain=*/false);
      const absl::Status probed = items_->Probe(deadline);
      secret = probed.ok() ? items_->ReadSecret(path, deadline) : probed;
    });
    return secret;
  }

 private:
  void Run(absl::FunctionRef<void(Deadline)> work) {
    EXPECT_TRUE(thread_.Run(Deadline::After(absl::Minutes(1)), work));
  }

  std::unique_ptr<SecretServiceItems> items_;
  KeyringThread thread_;
};

TEST(KeyringMemoryTest, ReadsDoNotGrowTheHeap) {
  if (!kHeapIsShown) GTEST_SKIP() << "a sanitizer replaces malloc()";
  const PrivateBus bus(PrivateBus::Start::kBus);
  bus.Export();
  StubSecretService stub(bus.address());
  KeyringOptions options;
  options.hold_time = absl::ZeroDuration();  // each load reads the keyring
  const auto vault = OpenVault(options);
  const Credential credential = LargeCredential();
  ASSERT_THAT(vault->Create(credential), IsOk());
  const std::string path = stub.Items({{"kind", "credential"}}).at(0).path;
  const SecretString document = WriteDocument(credential);
  ItemsOnThread items;
  std::size_t before = 0;
  for (int read = 1; read <= kReads; ++read) {
    stub.ResetCalls();  // the stub keeps its calls on this heap
    const absl::StatusOr<SecretString> secret = items.Read(path);
    ASSERT_THAT(secret, IsOk());
    ASSERT_TRUE(*secret == document);
    if (read % kReadsPerLoad == 0) {
      ASSERT_THAT(vault->Load("acme-payables-user"), IsOk());
    }
    if (read == kFirstReads) before = HeapInUse();
  }
  // The stub and GLib free the buffers of the last read on threads of their own.
  std::size_t after = 0;
  EXPECT_TRUE(Await([&] { return (after = HeapInUse()) <= before + kTolerance; },
                    "the heap to shrink to its size before"))
      << after << " bytes after, and " << before << " before";
}

}  // namespace
}  // namespace billbroker
