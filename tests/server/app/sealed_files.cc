#include "tests/server/app/sealed_files.h"

#include <fstream>

#include "server/access/audit/audit_line.h"
#include "server/session/sqlite/sqlite_store.h"
#include "tests/support/manual_time.h"
#include "tests/support/sample_store.h"

namespace billbroker {
namespace {

class IgnoringStoreObserver final : public StoreObserver {
 public:
  void StoreStateChanged(const StoreStatus& /*status*/) override {}
  void StoreSetAside(const std::string& /*file*/, absl::string_view /*why*/) override {}
  void StoreRowDropped(absl::string_view /*kind*/) override {}
  void StoreUpgraded(std::int64_t /*rows*/, std::int64_t /*dropped_quarantines*/) override {}
};

}  // namespace

void WriteStore(const std::string& path, const SecretString& key) {
  const ManualClock clock;
  IgnoringStoreObserver observer;
  SqliteStore store({path, "boot-id-of-the-machine"}, clock, observer);
  store.Open(key, [](const StoreContents&) {});
  store.WriteSoon(SampleSlot(kSampleUid, SampleOrganizationId(1), 1));
  store.WriteSoon(SampleSlot(kSampleUid, SampleOrganizationId(2), 1));
  store.WriteSoon(SampleAttempt());
}

void WriteAudit(const std::string& path, const SecretString& key) {
  const AuditKey audit_key(key);
  AuditMark mark;
  std::ofstream file(path);
  file << WriteAuditNote(audit_key, absl::UnixEpoch(), AuditNote::kStart, "chain", 0, mark);
  AuditEntry entry;
  entry.principal = "unix:payroll-service";
  file << WriteAuditLine(audit_key, absl::UnixEpoch(), entry, mark);
}

}  // namespace billbroker
