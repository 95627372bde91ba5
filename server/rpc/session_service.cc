#include "server/rpc/session_service.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "proto/status.h"
#include "server/rpc/finish.h"
#include "server/rpc/patience.h"
#include "server/rpc/session_wire.h"
#include "server/rpc/shape.h"
#include "server/rpc/translate.h"
#include "server/rpc/watch_stream.h"
#include "vault/base/secret_arena.h"

namespace billbroker {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

constexpr absl::string_view kSessionList = "sessions";  // in page tokens

// Shape first: a malformed request is malformed whatever the broker is doing.
template <typename Request>
absl::StatusOr<Gate::Pass> Admit(const Request& request, CallbackServerContext& context,
                                 const Gate& gate) {
  if (absl::Status shape = CheckShape(request); !shape.ok()) return shape;
  return gate.Admit(context, NeedOf(request));
}

// Ends a call of GetSession.
void Answer(const absl::StatusOr<SessionPtr>& session, const SessionSecrets& secrets,
            const Clock& clock, Record& record, ServerUnaryReactor* reactor,
            grpc::ByteBuffer& response) {
  if (session.ok()) {
    record.SetCredential((*session)->credential);
    response = EncodeGetSessionResponse(**session, secrets, clock.SinceBoot());
  }
  record.End(session.status(), session.ok() ? (*session)->generation : 0);
  Finished(reactor, session.status());
}

// A call of GetSession that waits for its session.
struct Waiting {
  CallbackServerContext& context;
  ServerUnaryReactor* reactor;
  grpc::ByteBuffer& response;
  v1::GetSessionRequest request;
  Gate::Pass pass;
};

void AwaitSession(const SessionServiceImpl::Parts& parts, std::unique_ptr<Waiting> waiting) {
  const Waiting& call = *waiting;
  SessionDemand demand = DemandOf(call.request);
  demand.patience = PatienceOf(call.context);
  demand.principal = call.pass.caller->name();
  demand.cause = parts.gate.CauseOf(call.context, NeedOf(call.request), call.pass.record);
  parts.sessions.GetSession(
      call.request.organization_id(), call.pass.credential, demand,
      [&parts, waiting = std::move(waiting)](const absl::StatusOr<SessionPtr>& session) {
        absl::Status granted;
        if (session.ok()) {
          granted = parts.gate.AskAgain(waiting->context, NeedOf(waiting->request),
                                        (*session)->credential);
        }
        if (!granted.ok()) {
          Finished(waiting->reactor, granted);
          return;
        }
        Answer(session, SecretsOf(waiting->request), parts.clock, waiting->pass.record,
               waiting->reactor, waiting->response);
      });
}

// Returns how a Login is forced. An admin of the credential passes the slot cap too.
SignInForce ForceOf(const v1::LoginRequest& request, const Gate::Pass& pass) {
  if (!request.force()) return SignInForce::kNone;
  return pass.caller->grants()->CoversCredential(Role::kAdmin, pass.credential)
             ? SignInForce::kAdmin
             : SignInForce::kOperator;
}

// Ends a call of Login.
struct LoginAnswer {
  const Clock& clock;
  ServerUnaryReactor* reactor;
  const v1::LoginRequest& request;
  v1::LoginResponse& response;

  void Give(const absl::StatusOr<LoginOutcome>& result, Record& record) const {
    record.End(result, result.ok() ? result->session->generation : 0);
    if (result.ok()) {
      FillSession(*result->session, SecretsOf(request), clock.SinceBoot(),
                  *response.mutable_session());
      response.set_reused(result->reused);
    }
    Finished(reactor, result.status());
  }
};

// Answers a batch once the last of its outcomes is in. Shared by the callbacks of all.
class Batch final {
 public:
  Batch(const SessionServiceImpl::Parts& parts, CallbackServerContext& context,
        ServerUnaryReactor* reactor, int count, Gate::Pass pass)
      : parts_(parts),
        context_(context),
        reactor_(reactor),
        pass_(std::move(pass)),
        missing_(count) {}

  // Gets one of the sessions; `self` is this. One after the other, of one thread.
  void Get(const std::shared_ptr<Batch>& self, const v1::GetSessionRequest& request,
           v1::SessionOutcome& outcome);

 private:
  static Need NeedInBatch(const v1::GetSessionRequest& request) {
    Need need = NeedOf(request);
    need.rpc = NeedOf(v1::BatchGetSessionsRequest()).rpc;
    return need;
  }

  void Put(const absl::StatusOr<SessionPtr>& session, const SessionSecrets& secrets,
           v1::SessionOutcome& outcome);

  const SessionServiceImpl::Parts& parts_;
  CallbackServerContext& context_;
  ServerUnaryReactor* const reactor_;
  const Gate::Pass pass_;
  CausePtr cause_;  // once one has to wait
  std::atomic<int> missing_;
};

void Batch::Get(const std::shared_ptr<Batch>& self, const v1::GetSessionRequest& request,
                v1::SessionOutcome& outcome) {
  const SessionSecrets secrets = SecretsOf(request);
  if (absl::Status shape = CheckShape(request); !shape.ok()) return Put(shape, {}, outcome);
  const Need need = NeedInBatch(request);
  const absl::StatusOr<std::string> credential = parts_.gate.Resolve(context_, *pass_.caller, need);
  if (!credential.ok()) return Put(credential.status(), {}, outcome);
  SessionDemand demand = DemandOf(request);
  const auto session = parts_.sessions.GetAtOnce(request.organization_id(), *credential, demand);
  if (session.has_value()) return Put(*session, secrets, outcome);
  if (cause_ == nullptr) cause_ = parts_.gate.CauseOf(context_, need, pass_.record);
  demand.patience = PatienceOf(context_);
  demand.principal = pass_.caller->name();
  demand.cause = cause_;
  parts_.sessions.GetSession(
      request.organization_id(), *credential, demand,
      [self, &request, &outcome, secrets](const absl::StatusOr<SessionPtr>& got) {
        absl::Status granted;
        if (got.ok()) {
          granted =
              self->parts_.gate.AskAgain(self->context_, NeedInBatch(request), (*got)->credential);
        }
        self->Put(granted.ok() ? got : granted, secrets, outcome);
      });
}

void Batch::Put(const absl::StatusOr<SessionPtr>& session, const SessionSecrets& secrets,
                v1::SessionOutcome& outcome) {
  if (session.ok()) {
    FillSession(**session, secrets, parts_.clock.SinceBoot(), *outcome.mutable_session());
    pass_.record.PostRead(**session);
  } else {
    *outcome.mutable_error() = ToErrorStatus(session.status());
  }
  if (missing_.fetch_sub(1) == 1) reactor_->Finish(grpc::Status::OK);
}

// No organization id and no credential name contains a slash.
std::string KeyOf(const SlotInfo& slot) {
  return absl::StrCat(slot.organization_id, "/", slot.credential);
}

// Returns the slots after the slot of `last_key`, a few at a time: the lock of the session manager
// is held only shortly.
std::vector<SlotInfo> ListAfter(SessionManager& sessions, absl::string_view last_key) {
  constexpr std::size_t kAtATime = 256;
  const std::pair<absl::string_view, absl::string_view> last =
      absl::StrSplit(last_key, absl::MaxSplits('/', 1));
  return sessions.List(last.first, last.second, kAtATime);
}

}  // namespace

SessionServiceImpl::SessionServiceImpl(Parts parts) : parts_(std::move(parts)) {
  SetMessageAllocatorFor_BatchGetSessions(&batch_messages_);
  SetMessageAllocatorFor_Login(&login_messages_);
}

ServerUnaryReactor* SessionServiceImpl::GetSession(CallbackServerContext* context,
                                                   const grpc::ByteBuffer* bytes,
                                                   grpc::ByteBuffer* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<v1::GetSessionRequest> request = DecodeGetSessionRequest(*bytes);
  if (!request.ok()) return Finished(reactor, request.status());
  absl::StatusOr<Gate::Pass> pass = Admit(*request, *context, parts_.gate);
  if (!pass.ok()) return Finished(reactor, pass.status());
  const auto session =
      parts_.sessions.GetAtOnce(request->organization_id(), pass->credential, DemandOf(*request));
  if (session.has_value()) {
    Answer(*session, SecretsOf(*request), parts_.clock, pass->record, reactor, *response);
  } else {
    AwaitSession(parts_, std::make_unique<Waiting>(Waiting{*context, reactor, *response,
                                                           *std::move(request), *std::move(pass)}));
  }
  return reactor;
}

ServerUnaryReactor* SessionServiceImpl::BatchGetSessions(CallbackServerContext* context,
                                                         const v1::BatchGetSessionsRequest* request,
                                                         v1::BatchGetSessionsResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<Gate::Pass> pass = Admit(*request, *context, parts_.gate);
  if (!pass.ok()) return Finished(reactor, pass.status());
  const int count = request->requests_size();
  // All outcomes are there before the first is filled: each callback touches only its own.
  for (int i = 0; i < count; ++i) response->add_outcomes();
  const auto batch = std::make_shared<Batch>(parts_, *context, reactor, count, *std::move(pass));
  for (int i = 0; i < count; ++i) {
    batch->Get(batch, request->requests(i), *response->mutable_outcomes(i));
  }
  return reactor;
}

ServerUnaryReactor* SessionServiceImpl::Login(CallbackServerContext* context,
                                              const v1::LoginRequest* request,
                                              v1::LoginResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<Gate::Pass> pass = Admit(*request, *context, parts_.gate);
  if (!pass.ok()) return Finished(reactor, pass.status());
  const LoginAnswer answer = {parts_.clock, reactor, *request, *response};
  if (!request->force()) {
    const auto live =
        parts_.sessions.GetAtOnce(request->organization_id(), pass->credential, SessionDemand());
    if (live.has_value() && live->ok()) {
      answer.Give(LoginOutcome{**live, true}, pass->record);
      return reactor;
    }
  }
  const LoginDemand demand = {ForceOf(*request, *pass), PatienceOf(*context), pass->caller->name(),
                              parts_.gate.CauseOf(*context, NeedOf(*request), pass->record)};
  parts_.sessions.Login(request->organization_id(), pass->credential, demand,
                        [this, context, answer, record = std::move(pass->record)](
                            const absl::StatusOr<LoginOutcome>& result) mutable {
                          absl::Status granted;
                          if (result.ok()) {
                            granted = parts_.gate.AskAgain(*context, NeedOf(answer.request),
                                                           result->session->credential);
                          }
                          if (!granted.ok()) {
                            Finished(answer.reactor, granted);
                            return;
                          }
                          answer.Give(result, record);
                        });
  return reactor;
}

ServerUnaryReactor* SessionServiceImpl::Logout(CallbackServerContext* context,
                                               const v1::LogoutRequest* request,
                                               v1::LogoutResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<Gate::Pass> pass = Admit(*request, *context, parts_.gate);
  if (!pass.ok()) return Finished(reactor, pass.status());
  pass->record.Announce();
  parts_.sessions.Logout(
      request->organization_id(), pass->credential, request->if_generation(),
      [reactor, response, generation = request->if_generation(),
       record = std::move(pass->record)](const absl::StatusOr<bool>& ended) mutable {
        record.End(ended, generation);
        if (ended.ok()) response->set_ended(*ended);
        Finished(reactor, ended.status());
      });
  return reactor;
}

grpc::ServerWriteReactor<v1::WatchSessionsResponse>* SessionServiceImpl::WatchSessions(
    CallbackServerContext* context, const v1::WatchSessionsRequest* request) {
  if (absl::Status status = CheckShape(*request); !status.ok()) return RefuseWatchStream(status);
  absl::StatusOr<Gate::Pass> pass = parts_.gate.Check(*context, NeedOf(*request));
  if (!pass.ok()) return RefuseWatchStream(pass.status());
  return StartWatchStream({parts_.clock, parts_.state, parts_.sessions, parts_.hub, parts_.gate},
                          context, request, std::move(pass->record));
}

absl::Status SessionServiceImpl::ListPage(const v1::ListSessionsRequest& request,
                                          const PageWish& page, const Grants& grants,
                                          v1::ListSessionsResponse& response) const {
  // A mistyped name must not look like a credential without sessions; what is not granted must.
  if (grants.CoversCredential(Role::kOperator, request.credential()) &&
      !request.credential().empty()) {
    const absl::StatusOr<CredentialInfoPtr> known = parts_.directory.Get(request.credential());
    if (!known.ok()) return known.status();
  }
  std::string last_key = page.last_key;
  std::string last_sent;
  while (true) {
    const std::vector<SlotInfo> slots = ListAfter(parts_.sessions, last_key);
    if (slots.empty()) return absl::OkStatus();
    last_key = KeyOf(slots.back());
    for (const SlotInfo& slot : slots) {
      if (!request.credential().empty() && slot.credential != request.credential()) continue;
      if (!grants.CoversCredential(Role::kOperator, slot.credential) &&
          !grants.CoversOrganization(Role::kOperator, slot.organization_id)) {
        continue;
      }
      if (response.sessions_size() == static_cast<int>(page.size)) {
        response.set_next_page_token(PageToken(kSessionList, last_sent));
        return absl::OkStatus();
      }
      FillEntry(slot, *response.add_sessions());
      last_sent = KeyOf(slot);
    }
  }
}

ServerUnaryReactor* SessionServiceImpl::ListSessions(CallbackServerContext* context,
                                                     const v1::ListSessionsRequest* request,
                                                     v1::ListSessionsResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  if (absl::Status shape = CheckShape(*request); !shape.ok()) return Finished(reactor, shape);
  const auto page = PageOf(kSessionList, request->page_size(), request->page_token());
  if (!page.ok()) return Finished(reactor, page.status());
  const absl::StatusOr<Gate::Pass> pass = parts_.gate.Admit(*context, NeedOf(*request));
  if (!pass.ok()) return Finished(reactor, pass.status());
  return Finished(reactor, ListPage(*request, *page, *pass->caller->grants(), *response));
}

void SessionServiceImpl::FillAudit(v1::AuditStatus& status) const {
  AuditState state = parts_.audit.state();
  status.set_writable(state.ok);
  status.set_message(std::move(state.why));
  status.set_file(parts_.audit_file);
  status.set_session_reads_recorded(parts_.audit_session_reads);
}

ServerUnaryReactor* SessionServiceImpl::GetStatus(CallbackServerContext* context,
                                                  const v1::GetStatusRequest* request,
                                                  v1::GetStatusResponse* response) {
  const absl::StatusOr<Gate::Pass> pass = parts_.gate.Check(*context, NeedOf(*request));
  if (!pass.ok()) return Finished(context->DefaultReactor(), pass.status());
  (void)parts_.state.Admit(*context);  // answered in any case; counted, so that a drain awaits it
  response->set_version(parts_.state.version());
  *response->mutable_start_time() = ToTimestamp(parts_.state.start_time());
  response->set_draining(parts_.state.draining());
  FillVaultStatus(parts_.directory, *pass->caller->grants(), *response->mutable_vault());
  FillMfaStatus(parts_.directory, parts_.clock.Now(), *response->mutable_mfa());
  FillCounts(parts_.sessions.Counts(), *response->mutable_sessions());
  for (const DevKeyUse& budget : parts_.sessions.Budgets()) {
    FillBudget(budget, parts_.clock, *response->add_login_budgets());
  }
  response->mutable_store()->set_state(
      static_cast<v1::StoreState>(static_cast<int>(parts_.store.state()) + 1));
  FillAudit(*response->mutable_audit());
  for (const auto& [name, base_url] : parts_.state.base_urls()) {
    v1::EnvironmentStatus& environment = *response->add_environments();
    environment.set_name(name);
    environment.set_base_url(base_url);
  }
  const SecretArenaStats arena = GetSecretArenaStats();
  response->mutable_memory()->set_secret_bytes(static_cast<std::int64_t>(arena.reserved_bytes));
  response->mutable_memory()->set_unlocked_bytes(static_cast<std::int64_t>(arena.unlocked_bytes));
  return Finished(context->DefaultReactor(), absl::OkStatus());
}

}  // namespace billbroker
