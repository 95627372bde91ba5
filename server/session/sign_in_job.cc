#include "server/session/sign_in_job.h"

#include <utility>

#include "server/session/sign_in_outcome.h"

namespace billbroker {

void SignInJob::Start(const Parts& parts, std::unique_ptr<SignInTarget> target) {
  const auto job = std::make_shared<SignInJob>(parts, std::move(target));
  parts.executor.Run([job] { job->Prepare(); });
}

void SignInJob::Prepare() {
  absl::StatusOr<CredentialPtr> loaded = target_->Load();
  if (!loaded.ok()) return target_->Abandon(loaded.status());
  credential_ = *std::move(loaded);
  absl::optional<SignInPlan> plan = target_->Plan(credential_);
  if (!plan.has_value()) return;
  if (absl::Status audited = parts_.observer.SignInStarts(plan->facts); !audited.ok()) {
    return target_->Abandon(audited);
  }
  parts_.store.RecordAttempt(std::move(plan->record),
                             [job = shared_from_this()](const absl::Status& /*recorded*/) {
                               // If it could not be recorded, the store's state shows it, and only
                               // the ledger in memory counts the sign-in.
                               job->parts_.executor.Run([job] { job->Send(); });
                             });
}

void SignInJob::Send() {
  target_->Send(credential_, [job = shared_from_this()](BillResult<SignInAnswer> result) {
    job->OnAnswered(std::move(result));
  });
}

void SignInJob::OnAnswered(BillResult<SignInAnswer> result) {
  if (result.ok() || !NeedsGatewayCheck(result.error())) {
    return target_->Settle(std::move(result), false);
  }
  const BillError refused = result.error();
  parts_.gateway.AskIfByGateway(credential_->environment, refused,
                                [job = shared_from_this(), refused](bool by_gateway) {
                                  job->target_->Settle(refused, by_gateway);
                                });
}

}  // namespace billbroker
