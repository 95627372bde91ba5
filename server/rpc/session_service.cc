#include "server/rpc/session_service.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "proto/status.h"
#include "server/rpc/batch_call.h"
#include "server/rpc/finish.h"
#include "server/rpc/patience.h"
#include "server/rpc/request_values.h"
#include "server/rpc/session_wire.h"
#include "server/rpc/translate.h"
#include "server/rpc/waiting_reactor.h"
#include "server/rpc/watch_stream.h"
#include "vault/base/secret_arena.h"

namespace billbroker {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

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

// Checks whether a call that waited may have its outcome, which is an answer or an error from
// `credential`. Returns CANCELLED if nobody waits for it.
absl::Status CheckWaited(const Authorizer& authorizer, CallbackServerContext& context,
                         const CallInfo& call, const absl::Status& outcome,
                         absl::string_view credential) {
  if (absl::IsCancelled(outcome)) return outcome;
  return authorizer.Reauthorize(context, call.permission, credential);
}

// A call of GetSession that waits for its session.
struct WaitingGet {
  CallbackServerContext& context;
  WaitingReactor* reactor;
  grpc::ByteBuffer& response;
  v1::GetSessionRequest request;
  CallInfo call;
};

void EndGet(const SessionServiceImpl::Parts& parts, WaitingGet& waiting,
            const absl::StatusOr<SessionPtr>& session) {
  const absl::Status outcome = waiting.reactor->Explain(session.status());
  const absl::Status permitted =
      CheckWaited(parts.authorizer, waiting.context, waiting.call, outcome,
                  session.ok() ? (*session)->credential : waiting.call.credential);
  if (!permitted.ok()) return (void)Finished(waiting.reactor, permitted);
  Answer(outcome.ok() ? session : outcome, SecretsOf(waiting.request), parts.clock,
         waiting.call.record, waiting.reactor, waiting.response);
}

ServerUnaryReactor* AwaitSession(const SessionServiceImpl::Parts& parts,
                                 CallbackServerContext& context, grpc::ByteBuffer& response,
                                 v1::GetSessionRequest request, CallInfo call) {
  if (absl::Status status = parts.authorizer.StartWaiting(context, call); !status.ok()) {
    return Finished(context.DefaultReactor(), status);
  }
  auto* const reactor = WaitingReactor::Start(parts.state, parts.sessions);
  SessionDemand demand = DemandOf(request);
  demand.patience = PatienceOf(context);
  demand.principal = call.caller->name();
  demand.cause = parts.authorizer.CauseOf(context, call);
  auto waiting = std::make_unique<WaitingGet>(
      WaitingGet{context, reactor, response, std::move(request), std::move(call)});
  const std::string organization_id = waiting->request.organization_id();
  const std::string credential = waiting->call.credential;
  reactor->WaitFor(parts.sessions.GetSession(
      organization_id, credential, demand,
      [&parts, waiting = std::move(waiting)](const absl::StatusOr<SessionPtr>& session) {
        EndGet(parts, *waiting, session);
      }));
  return reactor;
}

// Returns how a Login is forced. An admin of the credential passes the slot cap too.
SignInForce ForceOf(const v1::LoginRequest& request, const CallInfo& call) {
  if (!request.force()) return SignInForce::kNone;
  return call.caller->grants()->CoversCredential(Role::kAdmin, call.credential)
             ? SignInForce::kAdmin
             : SignInForce::kOperator;
}

// Ends a call of Login.
struct LoginAnswer {
  const Clock& clock;
  const v1::LoginRequest& request;
  v1::LoginResponse& response;

  void Give(const absl::StatusOr<LoginOutcome>& result, Record& record,
            ServerUnaryReactor* reactor) const {
    record.End(result, result.ok() ? result->session->generation : 0);
    if (result.ok()) {
      FillSession(*result->session, SecretsOf(request), clock.SinceBoot(),
                  *response.mutable_session());
      response.set_reused(result->reused);
    }
    Finished(reactor, result.status());
  }
};

// No organization id and no credential name contains a slash.
std::string KeyOf(const SlotInfo& slot) {
  return absl::StrCat(slot.organization_id, "/", slot.credential);
}

// Returns the slots after the slot of `last_key`, a few at a time: the lock of the session manager
// is held only shortly.
// `uid`: of the only credential to list; empty: all.
std::vector<SlotInfo> ListAfter(SessionManager& sessions, absl::string_view uid,
                                absl::string_view last_key) {
  constexpr std::size_t kAtATime = 256;
  const std::pair<absl::string_view, absl::string_view> last =
      absl::StrSplit(last_key, absl::MaxSplits('/', 1));
  return uid.empty() ? sessions.List(last.first, last.second, kAtATime)
                     : sessions.ListOf(uid, last.first, kAtATime);
}

}  // namespace

SessionServiceImpl::SessionServiceImpl(Parts parts) : parts_(std::move(parts)) {
  SetMessageAllocatorFor_BatchGetSessions(&batch_messages_);
  SetMessageAllocatorFor_Login(&login_messages_);
}

ServerUnaryReactor* SessionServiceImpl::GetSession(CallbackServerContext* context,
                                                   const grpc::ByteBuffer* bytes,
                                                   grpc::ByteBuffer* response) {
  absl::StatusOr<v1::GetSessionRequest> request = DecodeGetSessionRequest(*bytes);
  if (!request.ok()) {
    return Finished(context->DefaultReactor(),
                    parts_.authorizer.Reject(*context, PermissionFor(v1::GetSessionRequest()),
                                             request.status()));
  }
  absl::StatusOr<CallInfo> call = parts_.authorizer.Admit(*context, *request);
  if (!call.ok()) return parts_.state.Refuse(*context, call.status());
  const auto session =
      parts_.sessions.GetAtOnce(request->organization_id(), call->credential, DemandOf(*request));
  if (!session.has_value()) {
    return AwaitSession(parts_, *context, *response, *std::move(request), *std::move(call));
  }
  ServerUnaryReactor* const reactor = context->DefaultReactor();
  Answer(*session, SecretsOf(*request), parts_.clock, call->record, reactor, *response);
  return reactor;
}

ServerUnaryReactor* SessionServiceImpl::BatchGetSessions(CallbackServerContext* context,
                                                         const v1::BatchGetSessionsRequest* request,
                                                         v1::BatchGetSessionsResponse* response) {
  absl::StatusOr<CallInfo> call = parts_.authorizer.Admit(*context, *request);
  if (!call.ok()) return parts_.state.Refuse(*context, call.status());
  return RunBatch(parts_, *context, *request, *response, *std::move(call));
}

ServerUnaryReactor* SessionServiceImpl::Login(CallbackServerContext* context,
                                              const v1::LoginRequest* request,
                                              v1::LoginResponse* response) {
  absl::StatusOr<CallInfo> admitted = parts_.authorizer.Admit(*context, *request);
  if (!admitted.ok()) return parts_.state.Refuse(*context, admitted.status());
  const LoginAnswer answer = {parts_.clock, *request, *response};
  if (!request->force()) {
    const auto live = parts_.sessions.GetAtOnce(request->organization_id(), admitted->credential,
                                                SessionDemand());
    if (live.has_value() && live->ok()) {
      ServerUnaryReactor* const reactor = context->DefaultReactor();  // once for a call
      answer.Give(LoginOutcome{**live, true}, admitted->record, reactor);
      return reactor;
    }
  }
  if (absl::Status status = parts_.authorizer.StartWaiting(*context, *admitted); !status.ok()) {
    return Finished(context->DefaultReactor(), status);
  }
  auto* const reactor = WaitingReactor::Start(parts_.state, parts_.sessions);
  const LoginDemand demand = {ForceOf(*request, *admitted), PatienceOf(*context),
                              admitted->caller->name(),
                              parts_.authorizer.CauseOf(*context, *admitted)};
  const std::string credential = admitted->credential;
  reactor->WaitFor(parts_.sessions.Login(
      request->organization_id(), credential, demand,
      [this, context, answer, reactor,
       call = *std::move(admitted)](const absl::StatusOr<LoginOutcome>& result) mutable {
        const absl::Status outcome = reactor->Explain(result.status());
        const absl::Status permitted =
            CheckWaited(parts_.authorizer, *context, call, outcome,
                        result.ok() ? result->session->credential : call.credential);
        if (!permitted.ok()) return (void)Finished(reactor, permitted);
        answer.Give(outcome.ok() ? result : outcome, call.record, reactor);
      }));
  return reactor;
}

ServerUnaryReactor* SessionServiceImpl::Logout(CallbackServerContext* context,
                                               const v1::LogoutRequest* request,
                                               v1::LogoutResponse* response) {
  absl::StatusOr<CallInfo> call = parts_.authorizer.Admit(*context, *request);
  if (!call.ok()) return parts_.state.Refuse(*context, call.status());
  ServerUnaryReactor* reactor = context->DefaultReactor();
  if (absl::Status begun = call->record.Begin(); !begun.ok()) return Finished(reactor, begun);
  parts_.sessions.Logout(
      request->organization_id(), call->credential, request->if_generation(),
      [reactor, response, generation = request->if_generation(),
       record = std::move(call->record)](const absl::StatusOr<bool>& ended) mutable {
        record.End(ended, generation);
        if (ended.ok()) response->set_ended(*ended);
        Finished(reactor, ended.status());
      });
  return reactor;
}

grpc::ServerWriteReactor<v1::WatchSessionsResponse>* SessionServiceImpl::WatchSessions(
    CallbackServerContext* context, const v1::WatchSessionsRequest* request) {
  absl::StatusOr<CallInfo> call = parts_.authorizer.Check(*context, *request);
  if (!call.ok()) return RefuseWatchStream(call.status());
  return StartWatchStream(
      {parts_.clock, parts_.random, parts_.state, parts_.sessions, parts_.hub, parts_.authorizer},
      context, request, std::move(call->record));
}

absl::Status SessionServiceImpl::ListPage(const v1::ListSessionsRequest& request,
                                          const PageWish& page, const Grants& grants,
                                          v1::ListSessionsResponse& response) const {
  std::string uid;
  if (!request.credential().empty()) {
    // A mistyped name must not look like a credential without sessions. A name that is not granted
    // must.
    const absl::StatusOr<CredentialInfoPtr> known = parts_.credentials.Get(request.credential());
    if (!known.ok()) {
      const bool granted = grants.CoversCredential(Role::kOperator, request.credential());
      return granted ? known.status() : absl::OkStatus();
    }
    uid = (*known)->uid;
  }
  std::string last_key = page.last_key;
  std::string last_sent;
  while (true) {
    const std::vector<SlotInfo> slots = ListAfter(parts_.sessions, uid, last_key);
    if (slots.empty()) return absl::OkStatus();
    last_key = KeyOf(slots.back());
    for (const SlotInfo& slot : slots) {
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
  const absl::StatusOr<CallInfo> call = parts_.authorizer.Admit(*context, *request);
  if (!call.ok()) return parts_.state.Refuse(*context, call.status());
  ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto page = PageOf(kSessionList, request->page_size(), request->page_token());
  if (!page.ok()) return Finished(reactor, page.status());
  return Finished(reactor, ListPage(*request, *page, *call->caller->grants(), *response));
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
  const absl::StatusOr<CallInfo> call = parts_.authorizer.Check(*context, *request);
  if (!call.ok()) return Finished(context->DefaultReactor(), call.status());
  (void)parts_.state.Admit(*context);  // answered in any case; counted, so that a drain awaits it
  response->set_version(parts_.state.version());
  *response->mutable_start_time() = ToTimestamp(parts_.state.start_time());
  response->set_draining(parts_.state.draining());
  FillVaultStatus(parts_.vault_health, parts_.credentials, *call->caller->grants(),
                  *response->mutable_vault());
  FillMfaStatus(parts_.credentials, parts_.remember_me_refusals, parts_.clock.Now(),
                *response->mutable_mfa());
  FillCounts(parts_.sessions.Counts(), *response->mutable_sessions());
  for (const DevKeyUse& budget : parts_.sessions.Budgets()) {
    FillBudget(budget, parts_.clock, *response->add_login_budgets());
  }
  FillStoreStatus(parts_.store.status(), *response->mutable_store());
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
