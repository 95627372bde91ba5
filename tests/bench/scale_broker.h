// ScaleBroker: the broker's session manager and its SessionService in this process, with thousands
// of slots, to measure calls that may not take longer with more slots.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "server/access/caller.h"
#include "server/rpc/authorizer.h"
#include "server/rpc/recorder.h"
#include "server/rpc/serving_state.h"
#include "server/rpc/session_service.h"
#include "server/session/session_manager.h"
#include "server/session/watch_hub.h"
#include "tests/support/fake_audit.h"
#include "tests/support/fake_bill.h"
#include "tests/support/fake_session_observer.h"
#include "tests/support/fake_store.h"
#include "tests/support/fake_vault.h"
#include "tests/support/manual_time.h"
#include "tests/support/temp_folder.h"
#include "vault/base/executor.h"
#include "vault/base/random.h"
#include "vault/credential_index.h"

namespace billbroker {

// Organizations with an even number have a live session. The others wait for a sign-in, because the
// budget of their devKey is spent: a session of theirs can be had in kTurn at the earliest. Time
// stands still, so nothing of this changes.
//
// BILL, keyring, store and audit log are fakes in memory: the sessions come from FakeBill through
// the session manager's own sign-ins. Everything between the Unix socket and the session manager is
// the code of billbrokerd. The limits of callers and of live sessions' devKeys are too high to
// matter.
class ScaleBroker final {
 public:
  // When the first waiting slot may start. A caller with an earlier deadline is refused at once.
  static constexpr absl::Duration kTurn = absl::Minutes(2);

  // Makes `slots` slots, and lets as many callers wait for WaitingOrganization().
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<ScaleBroker>> Start(int slots);
  ~ScaleBroker();
  ScaleBroker(const ScaleBroker&) = delete;
  ScaleBroker& operator=(const ScaleBroker&) = delete;

  [[nodiscard]] int slots() const { return slots_; }
  [[nodiscard]] const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // Returns a live organization; a different one for each of the first slots() / 2 numbers.
  [[nodiscard]] std::string LiveOrganization(int number) const;
  // Returns the organization for which callers wait. It is the first one that waits.
  [[nodiscard]] static std::string WaitingOrganization();
  [[nodiscard]] int CountWaitingCallers() const;

 private:
  explicit ScaleBroker(int slots);

  // Lets a caller without a deadline ask for the organization.
  void Ask(const std::string& organization_id);
  [[nodiscard]] absl::Status FillSlots();
  [[nodiscard]] absl::Status Serve();

  const int slots_;
  TempFolder folder_;
  ManualClock clock_;
  SystemRandom random_;
  std::unique_ptr<ThreadExecutor> threads_ = std::make_unique<ThreadExecutor>(2);
  ThreadExecutor news_{1};
  FakeVault vault_;
  VaultHealth vault_health_;
  CredentialIndex index_{vault_health_};
  RememberMeRefusals remember_me_refusals_;
  FakeBill bill_{*threads_};
  FakeStore store_;
  FakeSessionObserver observer_;
  FakeAudit audit_;
  std::vector<CredentialInfoPtr> credentials_;
  SessionManager sessions_;
  WatchHub hub_{news_};
  ServingState state_;
  Callers callers_;
  Identity identity_;
  const Recorder recorder_;
  const Authorizer authorizer_;
  SessionServiceImpl service_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace billbroker
