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
#include "server/rpc/page.h"
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

constexpr absl::string_view kList = "sessions";  // in page tokens

// Shape first: a malformed request is malformed whatever the broker is doing.
template <typename Request>
absl::Status Check(const Request& request, CallbackServerContext& context, ServingState& state) {
  absl::Status shape = CheckShape(request);
  return shape.ok() ? state.Admit(context) : shape;
}

// Answers a batch once the last of its outcomes is in. Shared by the callbacks of all.
class Batch final {
 public:
  Batch(ServerUnaryReactor* reactor, int count) : reactor_(reactor), missing_(count) {}

  void OneIsIn() {
    if (missing_.fetch_sub(1) == 1) reactor_->Finish(grpc::Status::OK);
  }

 private:
  ServerUnaryReactor* const reactor_;
  std::atomic<int> missing_;
};

// No organization id and no credential name holds a slash.
std::string KeyOf(const PairInfo& pair) {
  return absl::StrCat(pair.organization_id, "/", pair.credential);
}

// True where `pair` comes after the pair that `last_key` names: by organization, then credential.
bool IsAfter(const PairInfo& pair, absl::string_view last_key) {
  const std::pair<absl::string_view, absl::string_view> last =
      absl::StrSplit(last_key, absl::MaxSplits('/', 1));
  return std::pair<absl::string_view, absl::string_view>(pair.organization_id, pair.credential) >
         last;
}

}  // namespace

SessionServiceImpl::SessionServiceImpl(Parts parts) : parts_(parts) {
  SetMessageAllocatorFor_BatchGetSessions(&batch_messages_);
  SetMessageAllocatorFor_Login(&login_messages_);
}

ServerUnaryReactor* SessionServiceImpl::GetSession(CallbackServerContext* context,
                                                   const grpc::ByteBuffer* bytes,
                                                   grpc::ByteBuffer* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::StatusOr<v1::GetSessionRequest> request = DecodeGetSessionRequest(*bytes);
  if (!request.ok()) return Finished(reactor, request.status());
  if (absl::Status status = Check(*request, *context, parts_.state); !status.ok()) {
    return Finished(reactor, status);
  }
  parts_.engine.GetSession(
      request->organization_id(), request->credential(), DemandOf(*request, PatienceOf(*context)),
      [this, reactor, response,
       include_dev_key = request->include_dev_key()](const absl::StatusOr<SessionPtr>& session) {
        if (session.ok()) {
          *response =
              EncodeGetSessionResponse(**session, include_dev_key, parts_.clock.SinceBoot());
        }
        Finished(reactor, session.status());
      });
  return reactor;
}

ServerUnaryReactor* SessionServiceImpl::BatchGetSessions(CallbackServerContext* context,
                                                         const v1::BatchGetSessionsRequest* request,
                                                         v1::BatchGetSessionsResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  if (absl::Status status = Check(*request, *context, parts_.state); !status.ok()) {
    return Finished(reactor, status);
  }
  const int count = request->requests_size();
  const absl::Duration patience = PatienceOf(*context);
  // All outcomes are there before the first is filled: each callback touches only its own.
  for (int i = 0; i < count; ++i) response->add_outcomes();
  const auto batch = std::make_shared<Batch>(reactor, count);
  for (int i = 0; i < count; ++i) {
    const v1::GetSessionRequest& one = request->requests(i);
    v1::SessionOutcome& outcome = *response->mutable_outcomes(i);
    if (absl::Status shape = CheckShape(one); !shape.ok()) {
      *outcome.mutable_error() = ToErrorStatus(shape);
      batch->OneIsIn();
      continue;
    }
    parts_.engine.GetSession(
        one.organization_id(), one.credential(), DemandOf(one, patience),
        [this, batch, &one, &outcome](const absl::StatusOr<SessionPtr>& session) {
          if (session.ok()) {
            FillSession(**session, one.include_dev_key(), parts_.clock.SinceBoot(),
                        *outcome.mutable_session());
          } else {
            *outcome.mutable_error() = ToErrorStatus(session.status());
          }
          batch->OneIsIn();
        });
  }
  return reactor;
}

ServerUnaryReactor* SessionServiceImpl::Login(CallbackServerContext* context,
                                              const v1::LoginRequest* request,
                                              v1::LoginResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  if (absl::Status status = Check(*request, *context, parts_.state); !status.ok()) {
    return Finished(reactor, status);
  }
  parts_.engine.Login(
      request->organization_id(), request->credential(), {request->force(), PatienceOf(*context)},
      [this, reactor, request, response](const absl::StatusOr<LoginOutcome>& result) {
        if (result.ok()) {
          FillSession(*result->session, request->include_dev_key(), parts_.clock.SinceBoot(),
                      *response->mutable_session());
          response->set_reused(result->reused);
        }
        Finished(reactor, result.status());
      });
  return reactor;
}

ServerUnaryReactor* SessionServiceImpl::Logout(CallbackServerContext* context,
                                               const v1::LogoutRequest* request,
                                               v1::LogoutResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  if (absl::Status status = Check(*request, *context, parts_.state); !status.ok()) {
    return Finished(reactor, status);
  }
  parts_.engine.Logout(request->organization_id(), request->credential(), request->if_generation(),
                       [reactor, response](const absl::StatusOr<bool>& ended) {
                         if (ended.ok()) response->set_ended(*ended);
                         Finished(reactor, ended.status());
                       });
  return reactor;
}

grpc::ServerWriteReactor<v1::WatchSessionsResponse>* SessionServiceImpl::WatchSessions(
    CallbackServerContext* context, const v1::WatchSessionsRequest* request) {
  if (absl::Status status = CheckShape(*request); !status.ok()) return RefuseWatchStream(status);
  return StartWatchStream({parts_.clock, parts_.state, parts_.engine, parts_.hub}, context,
                          request);
}

absl::Status SessionServiceImpl::ListPage(const v1::ListSessionsRequest& request,
                                          v1::ListSessionsResponse& response) const {
  const absl::StatusOr<std::size_t> size = PageSize(request.page_size());
  if (!size.ok()) return size.status();
  const absl::StatusOr<std::string> last_key = LastKey(kList, request.page_token());
  if (!last_key.ok()) return last_key.status();
  // A mistyped name must not look like a credential without sessions.
  if (!request.credential().empty()) {
    const absl::StatusOr<CredentialInfoPtr> known = parts_.directory.Get(request.credential());
    if (!known.ok()) return known.status();
  }
  const PairInfo* last = nullptr;
  const std::vector<PairInfo> pairs = parts_.engine.List();
  for (const PairInfo& pair : pairs) {
    if (!last_key->empty() && !IsAfter(pair, *last_key)) continue;
    if (!request.credential().empty() && pair.credential != request.credential()) continue;
    if (response.sessions_size() == static_cast<int>(*size)) {
      response.set_next_page_token(PageToken(kList, KeyOf(*last)));
      break;
    }
    FillEntry(pair, *response.add_sessions());
    last = &pair;
  }
  return absl::OkStatus();
}

ServerUnaryReactor* SessionServiceImpl::ListSessions(CallbackServerContext* context,
                                                     const v1::ListSessionsRequest* request,
                                                     v1::ListSessionsResponse* response) {
  absl::Status status = Check(*request, *context, parts_.state);
  if (status.ok()) status = ListPage(*request, *response);
  return Finished(context->DefaultReactor(), status);
}

ServerUnaryReactor* SessionServiceImpl::GetStatus(CallbackServerContext* context,
                                                  const v1::GetStatusRequest* /*request*/,
                                                  v1::GetStatusResponse* response) {
  (void)parts_.state.Admit(*context);  // answered in any case; counted, so that a drain awaits it
  response->set_version(parts_.state.version());
  *response->mutable_start_time() = ToTimestamp(parts_.state.start_time());
  response->set_draining(parts_.state.draining());
  FillVaultStatus(parts_.directory, *response->mutable_vault());
  FillMfaStatus(parts_.directory, parts_.clock.Now(), *response->mutable_mfa());
  FillCounts(parts_.engine.Counts(), *response->mutable_sessions());
  for (const LoginGovernor::Budget& budget : parts_.engine.Budgets()) {
    FillBudget(budget, parts_.clock, *response->add_login_budgets());
  }
  response->mutable_store()->set_state(
      static_cast<v1::StoreState>(static_cast<int>(parts_.store.state()) + 1));
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
