#include "server/rpc/batch_call.h"

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "proto/status.h"
#include "server/rpc/finish.h"
#include "server/rpc/patience.h"
#include "server/rpc/request_values.h"
#include "server/rpc/shape.h"
#include "server/rpc/translate.h"
#include "server/rpc/waiting_reactor.h"

namespace billbroker {
namespace {

// One or more equal requests of a batch.
struct Question {
  std::string organization_id;
  std::string credential;  // see Authorizer::Resolve()
  SessionDemand demand;
  std::vector<int> requests;  // indexes
};

// Owned by the callbacks of its questions. The callbacks may run at the same time: each writes the
// outcomes of its own question only.
class Batch final {
 public:
  Batch(const SessionServiceImpl::Parts& parts, grpc::CallbackServerContext& context,
        const v1::BatchGetSessionsRequest& request, v1::BatchGetSessionsResponse& response,
        CallInfo call)
      : parts_(parts),
        context_(context),
        request_(request),
        response_(response),
        call_(std::move(call)) {}

  // Answers the malformed and refused requests and the ones whose session is in memory. Returns
  // true if others are left.
  [[nodiscard]] bool AnswerAtOnce();
  // See Authorizer::StartWaiting().
  [[nodiscard]] absl::Status StartWaiting() {
    return parts_.authorizer.StartWaiting(context_, call_);
  }
  // Answers the others with `error`.
  void Fail(const absl::Status& error);
  // Waits for the others; `self` is this.
  [[nodiscard]] grpc::ServerUnaryReactor* Wait(const std::shared_ptr<Batch>& self);

 private:
  [[nodiscard]] PermissionRequest PermissionInBatch(const v1::GetSessionRequest& request) const;
  void Merge();
  void Put(int index, const absl::StatusOr<SessionPtr>& session);
  void PutAll(const Question& question, const absl::StatusOr<SessionPtr>& session);
  void OnAnswer(const Question& question, const absl::StatusOr<SessionPtr>& session);
  void OneLess();

  const SessionServiceImpl::Parts& parts_;
  grpc::CallbackServerContext& context_;
  const v1::BatchGetSessionsRequest& request_;
  v1::BatchGetSessionsResponse& response_;
  const CallInfo call_;
  std::vector<Question> questions_;  // without an answer; constant once the batch waits
  WaitingReactor* reactor_ = nullptr;
  std::atomic<std::size_t> missing_ = 0;
};

PermissionRequest Batch::PermissionInBatch(const v1::GetSessionRequest& request) const {
  PermissionRequest permission = PermissionFor(request);
  permission.rpc = call_.permission.rpc;
  return permission;
}

void Batch::Merge() {
  using Key = std::tuple<std::string, std::string, absl::Duration, std::uint64_t, bool, bool>;
  std::map<Key, std::size_t> known;
  for (int i = 0; i < request_.requests_size(); ++i) {
    const v1::GetSessionRequest& request = request_.requests(i);
    response_.add_outcomes();
    if (absl::Status shape = CheckShape(request); !shape.ok()) {
      Put(i, shape);
      continue;
    }
    absl::StatusOr<std::string> credential =
        parts_.authorizer.Resolve(context_, *call_.caller, PermissionInBatch(request));
    if (!credential.ok()) {
      Put(i, credential.status());
      continue;
    }
    SessionDemand demand = DemandOf(request);
    const auto [at, added] =
        known.try_emplace(Key(request.organization_id(), *credential, demand.min_remaining,
                              demand.stale_generation, demand.require_trusted, demand.cached_only),
                          questions_.size());
    if (added) {
      questions_.push_back(
          {request.organization_id(), *std::move(credential), std::move(demand), {}});
    }
    questions_[at->second].requests.push_back(i);
  }
}

bool Batch::AnswerAtOnce() {
  Merge();
  std::erase_if(questions_, [this](const Question& question) {
    const auto session =
        parts_.sessions.GetAtOnce(question.organization_id, question.credential, question.demand);
    if (session.has_value()) PutAll(question, *session);
    return session.has_value();
  });
  return !questions_.empty();
}

void Batch::Fail(const absl::Status& error) {
  for (const Question& question : questions_) PutAll(question, error);
}

grpc::ServerUnaryReactor* Batch::Wait(const std::shared_ptr<Batch>& self) {
  reactor_ = WaitingReactor::Start(parts_.state, parts_.sessions);
  missing_ = questions_.size() + 1;  // and this function
  const CausePtr cause = parts_.authorizer.CauseOf(context_, call_);
  for (const Question& question : questions_) {
    SessionDemand demand = question.demand;
    demand.patience = PatienceOf(context_);
    demand.principal = call_.caller->name();
    demand.cause = cause;
    reactor_->WaitFor(
        parts_.sessions.GetSession(question.organization_id, question.credential, demand,
                                   [self, &question](const absl::StatusOr<SessionPtr>& session) {
                                     self->OnAnswer(question, session);
                                   }));
  }
  if (context_.deadline() != std::chrono::system_clock::time_point::max()) {
    reactor_->EndAt(AnswerTimeOf(context_),
                    absl::DeadlineExceededError("the session was not there in time; ask again"));
  }
  OneLess();
  return reactor_;
}

void Batch::OnAnswer(const Question& question, const absl::StatusOr<SessionPtr>& session) {
  for (const int index : question.requests) {
    const absl::Status outcome = reactor_->Explain(session.status());
    const absl::Status permitted =
        parts_.authorizer.Reauthorize(context_, PermissionInBatch(request_.requests(index)),
                                      session.ok() ? (*session)->credential : question.credential);
    if (!permitted.ok()) {
      Put(index, permitted);
    } else {
      Put(index, outcome.ok() ? session : outcome);
    }
  }
  OneLess();
}

void Batch::OneLess() {
  if (missing_.fetch_sub(1) == 1) Finished(reactor_, absl::OkStatus());
}

void Batch::PutAll(const Question& question, const absl::StatusOr<SessionPtr>& session) {
  for (const int index : question.requests) Put(index, session);
}

void Batch::Put(int index, const absl::StatusOr<SessionPtr>& session) {
  v1::SessionOutcome& outcome = *response_.mutable_outcomes(index);
  if (session.ok()) {
    FillSession(**session, SecretsOf(request_.requests(index)), parts_.clock.SinceBoot(),
                *outcome.mutable_session());
    call_.record.PostRead(**session);
  } else {
    *outcome.mutable_error() = ToErrorStatus(session.status());
  }
}

}  // namespace

grpc::ServerUnaryReactor* RunBatch(const SessionServiceImpl::Parts& parts,
                                   grpc::CallbackServerContext& context,
                                   const v1::BatchGetSessionsRequest& request,
                                   v1::BatchGetSessionsResponse& response, CallInfo call) {
  const auto batch = std::make_shared<Batch>(parts, context, request, response, std::move(call));
  if (!batch->AnswerAtOnce()) return Finished(context.DefaultReactor(), absl::OkStatus());
  // Its hits are answered all the same.
  if (absl::Status status = batch->StartWaiting(); !status.ok()) {
    batch->Fail(status);
    return Finished(context.DefaultReactor(), absl::OkStatus());
  }
  return batch->Wait(batch);
}

}  // namespace billbroker
