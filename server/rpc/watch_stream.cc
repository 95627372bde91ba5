#include "server/rpc/watch_stream.h"

#include <grpcpp/alarm.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proto/redacted.h"
#include "proto/status.h"
#include "server/rpc/finish.h"
#include "server/rpc/translate.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

constexpr double kJitter = 0.1;

absl::Status Aged() {
  return MakeError({Reason::kConnectionAged, absl::ZeroDuration(), {}},
                   "the connection of this watch is as old as the listener's max_connection_age "
                   "allows; watch again");
}

using WatchReactor = grpc::ServerWriteReactor<v1::WatchSessionsResponse>;

// The state that was last sent for one organization.
struct Told {
  bool anything = false;
  // The credential by which the stream counts as demand for the organization; may be empty.
  absl::optional<std::string> warm;
  std::string warm_principal;  // charged for its sign-ins
  // Expired if an error was sent. A weak pointer, so that a slow reader does not hold secrets of an
  // old session.
  std::weak_ptr<const Session> session;
  absl::optional<Reason> reason;  // of the error
};

// Works in turns. At most one thread holds the turn at any time, and only that thread takes entries
// from the subscription, queries the session manager, accesses `response_` and `told_`, and writes.
// A turn begins in Start() or News(), lasts while a write is under way, and ends when nothing is
// left to send. The thread that sets `end_` calls Finish(), unless a turn is held: then the end of
// the turn does.
class WatchStream final : public WatchReactor, public WatchHub::Listener, public EndableCall {
 public:
  WatchStream(const WatchStreamParts& parts, grpc::CallbackServerContext* context,
              const v1::WatchSessionsRequest* request, Record record)
      : parts_(parts),
        context_(*context),
        request_(*request),
        record_(std::move(record)),
        told_(static_cast<std::size_t>(request->organizations_size())),
        untold_(request->organizations_size()) {}

  // `self` is this.
  void Start(const std::shared_ptr<WatchStream>& self);

  void News() override;
  void End(const absl::Status& why) override { Conclude(ToGrpcStatus(why)); }

  void OnWriteDone(bool ok) override;
  void OnCancel() override { Conclude(grpc::Status::CANCELLED); }
  void OnDone() override;

 private:
  enum class Step { kRest, kFinish, kComplete, kEntry };

  void EndAfter(absl::Duration longest);
  void Conclude(const grpc::Status& status);
  void Continue();
  Step NextStep(std::uint32_t& entry);
  // Returns false if the state is the one that was sent last.
  bool Fill(std::uint32_t entry);
  [[nodiscard]] absl::StatusOr<SessionPtr> StateOf(const v1::WatchedOrganization& watched,
                                                   Told& told);
  bool Remember(Told& told, const absl::StatusOr<SessionPtr>& state);
  // `principal` is charged for sign-ins; it is not used if `warm` is not set.
  void SetWarm(const std::string& organization_id, Told& told, absl::optional<std::string> warm,
               absl::string_view principal = "");

  const WatchStreamParts parts_;
  grpc::CallbackServerContext& context_;
  const v1::WatchSessionsRequest& request_;
  const Record record_;
  // Kept until gRPC is done with the call. Other holders of a pointer to the stream may keep it
  // longer.
  std::shared_ptr<WatchStream> self_;
  std::unique_ptr<WatchHub::Subscription> subscription_;
  grpc::Alarm alarm_;

  v1::WatchSessionsResponse response_;
  std::vector<Told> told_;  // by entry
  int untold_;              // the number of entries without a message
  bool complete_ = false;   // the message that the list is complete was sent

  Mutex mutex_;
  bool turn_held_ ABSL_GUARDED_BY(mutex_) = true;  // by Start()
  absl::optional<grpc::Status> end_ ABSL_GUARDED_BY(mutex_);
};

void WatchStream::Start(const std::shared_ptr<WatchStream>& self) {
  self_ = self;
  if (absl::Status admitted = parts_.state.AdmitStream(self); !admitted.ok()) {
    Conclude(ToGrpcStatus(admitted));
    return Continue();
  }
  std::vector<std::string> organization_ids;
  organization_ids.reserve(told_.size());
  for (const v1::WatchedOrganization& watched : request_.organizations()) {
    organization_ids.push_back(watched.organization_id());
  }
  subscription_ = parts_.hub.Subscribe(organization_ids, self);
  EndAfter(ServingState::LongestStreamOf(context_));
  Continue();
}

void WatchStream::EndAfter(absl::Duration longest) {
  if (longest == absl::InfiniteDuration()) return;
  const absl::Duration lasts = longest * (1 - kJitter * parts_.random.Uniform());
  // Weak, because the alarm belongs to the stream. Its destructor cancels it.
  alarm_.Set(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(lasts),
             [weak = std::weak_ptr<WatchStream>(self_)](bool due) {
               const std::shared_ptr<WatchStream> stream = due ? weak.lock() : nullptr;
               if (stream != nullptr) stream->End(Aged());
             });
}

void WatchStream::SetWarm(const std::string& organization_id, Told& told,
                          absl::optional<std::string> warm, absl::string_view principal) {
  if (told.warm == warm && (!warm.has_value() || told.warm_principal == principal)) return;
  if (warm.has_value()) parts_.sessions.StartWarm(organization_id, *warm, principal);
  if (told.warm.has_value()) {
    parts_.sessions.StopWarm(organization_id, *told.warm, told.warm_principal);
  }
  told.warm = std::move(warm);
  told.warm_principal = std::string(principal);
}

void WatchStream::News() {
  {
    MutexLock lock(mutex_);
    if (end_.has_value()) return;
    turn_held_ = true;
  }
  Continue();
}

void WatchStream::Conclude(const grpc::Status& status) {
  {
    MutexLock lock(mutex_);
    if (end_.has_value()) return;
    end_ = status;
    if (turn_held_) return;
  }
  Finish(status);
}

WatchStream::Step WatchStream::NextStep(std::uint32_t& entry) {
  MutexLock lock(mutex_);
  if (end_.has_value()) return Step::kFinish;
  if (untold_ == 0 && !complete_) return Step::kComplete;
  const absl::optional<std::uint32_t> next = subscription_->Take();
  if (!next.has_value()) {
    turn_held_ = false;
    return Step::kRest;
  }
  entry = *next;
  return Step::kEntry;
}

void WatchStream::Continue() {
  std::uint32_t entry = 0;
  while (true) {
    switch (NextStep(entry)) {
      case Step::kRest:
        return;
      case Step::kFinish: {
        grpc::Status status;
        {
          MutexLock lock(mutex_);
          status = *end_;
        }
        return Finish(status);
      }
      case Step::kComplete:
        complete_ = true;
        response_.mutable_complete();
        return StartWrite(&response_);
      case Step::kEntry:
        if (Fill(entry)) return StartWrite(&response_);
    }
  }
}

bool WatchStream::Fill(std::uint32_t entry) {
  const v1::WatchedOrganization& watched = request_.organizations(static_cast<int>(entry));
  const absl::StatusOr<SessionPtr> state = StateOf(watched, told_[entry]);
  if (!Remember(told_[entry], state)) return false;
  v1::SessionUpdate& update = *response_.mutable_update();
  update.set_organization_id(watched.organization_id());
  update.set_credential(watched.credential());
  if (state.ok()) {
    FillSession(**state, SecretsOf(request_), parts_.clock.SinceBoot(), *update.mutable_session());
    record_.PostRead(**state);
  } else {
    *update.mutable_error() = ToErrorStatus(state.status());
  }
  return true;
}

absl::StatusOr<SessionPtr> WatchStream::StateOf(const v1::WatchedOrganization& watched,
                                                Told& told) {
  const absl::StatusOr<CallerPtr> caller = ServingState::CallerOf(context_);
  const absl::StatusOr<std::string> credential =
      caller.ok() ? parts_.authorizer.Resolve(context_, **caller,
                                              PermissionFor(watched, SecretsOf(request_).any()))
                  : caller.status();
  const bool warm = request_.keep_warm() && credential.ok();
  SetWarm(watched.organization_id(), told,
          warm ? absl::optional<std::string>(*credential) : absl::nullopt,
          caller.ok() ? (*caller)->name() : "");
  if (!credential.ok()) return credential.status();
  return parts_.sessions.Peek(watched.organization_id(), *credential);
}

bool WatchStream::Remember(Told& told, const absl::StatusOr<SessionPtr>& state) {
  const SessionPtr session = state.ok() ? *state : nullptr;
  absl::optional<Reason> reason;
  if (const absl::optional<ErrorDetails> details = DetailsOf(state.status()); details.has_value()) {
    reason = details->reason;
  }
  const bool same = session != nullptr ? told.session.lock() == session
                                       : told.reason.has_value() && told.reason == reason;
  if (told.anything && same) return false;
  if (!told.anything) --untold_;
  told = {true, told.warm, told.warm_principal, session, reason};
  return true;
}

void WatchStream::OnWriteDone(bool ok) {
  WipeSecrets(response_);
  response_.Clear();
  if (!ok) Conclude(grpc::Status::CANCELLED);
  Continue();
}

void WatchStream::OnDone() {
  parts_.state.Forget(this);
  subscription_.reset();
  for (std::size_t i = 0; i < told_.size(); ++i) {
    SetWarm(request_.organizations(static_cast<int>(i)).organization_id(), told_[i], {});
  }
  const std::shared_ptr<WatchStream> last = std::move(self_);
}

}  // namespace

WatchReactor* StartWatchStream(const WatchStreamParts& parts, grpc::CallbackServerContext* context,
                               const v1::WatchSessionsRequest* request, Record record) {
  const auto stream = std::make_shared<WatchStream>(parts, context, request, std::move(record));
  stream->Start(stream);
  return stream.get();
}

WatchReactor* RefuseWatchStream(const absl::Status& status) {
  return new RefusedStream<WatchReactor>(status);
}

}  // namespace billbroker
