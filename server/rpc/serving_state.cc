#include "server/rpc/serving_state.h"

#include <algorithm>
#include <cstdlib>
#include <typeinfo>

#include "absl/time/time.h"
#include "server/rpc/finish.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

// A supervisor starts the next broker, or a balancer chooses another one, within about this time.
constexpr absl::Duration kRetryAfter = absl::Seconds(1);

absl::Status Draining() {
  return MakeError({Reason::kDraining, kRetryAfter, {}}, "the broker is shutting down; ask again");
}

}  // namespace

// Identifies the callers of a server, either by `identity` or by the certificate of the call.
struct ServingState::Door {
  struct Tls {
    Callers* callers;
    ClientCertificates* certificates;
    const Clock* clock;
  };

  [[nodiscard]] std::shared_ptr<const ClientCertificate> CertificateOf(
      const grpc::CallbackServerContext& context) const {
    return tls.certificates->Of(*context.auth_context());
  }

  const Identity* identity;  // null over TLS
  Tls tls;                   // all null with `identity`
  absl::Duration longest_stream;
};

// gRPC's context of a call. gRPC returns it by Release() when the call is over.
class ServingState::Context final : public grpc::CallbackServerContext {
 public:
  explicit Context(const Door& came_through) : door(came_through) {}

  const Door door;
  CallerPtr caller;  // set by Enter()
  int calls = 0;     // the number that Enter() counted
  CallKind kind = CallKind::kAtOnce;
  bool admitted = false;
};

class ServingState::Contexts final : public grpc::ContextAllocator {
 public:
  Contexts(ServingState& state, const Door& door) : state_(state), door_(door) {}

  grpc::CallbackServerContext* NewCallbackServerContext() override { return new Context(door_); }
  void Release(grpc::CallbackServerContext* context) override {
    if (typeid(*context) != typeid(Context)) return;  // gRPC's own, of an unknown method
    const std::unique_ptr<Context> ours(static_cast<Context*>(context));
    if (ours->caller != nullptr) ours->caller->Leave(ours->calls, ours->kind);
    if (ours->admitted) state_.EndCall();
  }

 private:
  ServingState& state_;
  const Door door_;
};

std::unique_ptr<grpc::ContextAllocator> ServingState::MakeContexts(const Identity& identity,
                                                                   absl::Duration longest_stream) {
  return std::make_unique<Contexts>(*this, Door{&identity, {}, longest_stream});
}

std::unique_ptr<grpc::ContextAllocator> ServingState::MakeContexts(Callers& callers,
                                                                   const Clock& clock,
                                                                   absl::Duration longest_stream) {
  return std::make_unique<Contexts>(
      *this, Door{nullptr, {&callers, &certificates_, &clock}, longest_stream});
}

const ServingState::Context& ServingState::Ours(const grpc::CallbackServerContext& context) {
  if (typeid(context) != typeid(Context)) std::abort();  // the server was not given MakeContexts()
  return static_cast<const Context&>(context);
}

ServingState::Context& ServingState::Ours(grpc::CallbackServerContext& context) {
  return const_cast<Context&>(Ours(std::as_const(context)));
}

absl::StatusOr<CallerPtr> ServingState::CallerOf(grpc::CallbackServerContext& context) {
  const Door& door = Ours(context).door;
  if (door.identity == nullptr) {
    return TlsCaller(*door.tls.callers, *door.CertificateOf(context), door.tls.clock->Now());
  }
  CallerPtr caller = door.identity->caller();
  if (caller != nullptr) return caller;
  return UnknownUser(UidOf(context));
}

Origin ServingState::OriginOf(const grpc::CallbackServerContext& context) {
  const Door& door = Ours(context).door;
  if (door.identity != nullptr) return door.identity->OriginOf(context.peer());
  return {{}, {}, door.CertificateOf(context)->serial};
}

std::string ServingState::CertificateNameOf(const grpc::CallbackServerContext& context) {
  const Door& door = Ours(context).door;
  if (door.identity != nullptr) return "";
  return door.CertificateOf(context)->principal.value_or("");
}

absl::optional<std::uint32_t> ServingState::UidOf(const grpc::CallbackServerContext& context) {
  const Door& door = Ours(context).door;
  return door.identity == nullptr ? absl::nullopt : door.identity->OriginOf(context.peer()).uid;
}

absl::StatusOr<CallerPtr> ServingState::Enter(grpc::CallbackServerContext& context,
                                              absl::Duration now, int calls, CallKind kind) const {
  absl::StatusOr<CallerPtr> caller = CallerOf(context);
  if (!caller.ok()) return caller;
  if (absl::Status status = (*caller)->Enter(now, calls, kind); !status.ok()) return status;
  Ours(context).caller = *caller;
  Ours(context).calls = calls;
  Ours(context).kind = kind;
  return caller;
}

absl::Status ServingState::StartWaiting(grpc::CallbackServerContext& context) {
  Context& ours = Ours(context);
  absl::Status status = ours.caller->StartWaiting(ours.calls);
  if (status.ok()) ours.kind = CallKind::kWaiting;
  return status;
}

absl::Duration ServingState::LongestStreamOf(const grpc::CallbackServerContext& context) {
  const Door& door = Ours(context).door;
  if (door.identity != nullptr) return door.longest_stream;
  const absl::Duration valid = door.CertificateOf(context)->expires - door.tls.clock->Now();
  return std::min(door.longest_stream, valid);
}

void ServingState::StartDraining() {
  MutexLock lock(mutex_);
  draining_ = true;
}

void ServingState::AwaitCalls(absl::Time deadline) {
  std::unique_lock<std::mutex> lock(mutex_.native());
  ended_.wait_until(lock, absl::ToChronoTime(deadline), [this] { return calls_ == 0; });
}

void ServingState::AbandonCalls() {
  std::vector<std::shared_ptr<EndableCall>> under_way;
  {
    MutexLock lock(mutex_);
    under_way = AliveOf(waiting_);
  }
  for (const std::shared_ptr<EndableCall>& call : under_way) call->Abandon();
}

void ServingState::HoldRefusals() {
  MutexLock lock(mutex_);
  holds_refusals_ = true;
}

void ServingState::EndStreams() {
  std::vector<std::shared_ptr<EndableCall>> streams;
  std::vector<HeldRefusal> held;
  {
    MutexLock lock(mutex_);
    holds_refusals_ = false;
    streams = AliveOf(streams_);
    held.swap(held_);
  }
  for (const HeldRefusal& refusal : held) Finished(refusal.reactor, refusal.why);
  for (const std::shared_ptr<EndableCall>& stream : streams) stream->End(Draining());
}

grpc::ServerUnaryReactor* ServingState::Refuse(grpc::CallbackServerContext& context,
                                               const absl::Status& why) {
  grpc::ServerUnaryReactor* const reactor = context.DefaultReactor();
  if (draining_) {
    MutexLock lock(mutex_);
    if (holds_refusals_) {
      held_.push_back({reactor, why});
      return reactor;
    }
  }
  return Finished(reactor, why);
}

absl::Status ServingState::Admit(grpc::CallbackServerContext& context) {
  Context& ours = Ours(context);
  if (ours.caller == nullptr) std::abort();  // the handler did not call Enter()
  // Counts before it checks: a drain that starts after the check includes this call.
  ++calls_;
  if (draining_) {
    EndCall();
    return Draining();
  }
  ours.admitted = true;
  return absl::OkStatus();
}

void ServingState::EndCall() {
  if (--calls_ > 0 || !draining_) return;
  MutexLock lock(mutex_);
  ended_.notify_all();
}

absl::Status ServingState::AdmitStream(const std::shared_ptr<EndableCall>& stream) {
  MutexLock lock(mutex_);
  if (draining_) return Draining();
  streams_.emplace(stream.get(), stream);
  return absl::OkStatus();
}

void ServingState::AddWaiting(const std::shared_ptr<EndableCall>& call) {
  {
    MutexLock lock(mutex_);
    waiting_.emplace(call.get(), call);
    if (!waiting_ended_) return;
  }
  call->End(Draining());
}

void ServingState::Forget(const EndableCall* call) {
  MutexLock lock(mutex_);
  waiting_.erase(call);
  streams_.erase(call);
}

void ServingState::EndWaiting() {
  std::vector<std::shared_ptr<EndableCall>> calls;
  {
    MutexLock lock(mutex_);
    waiting_ended_ = true;
    calls = AliveOf(waiting_);
  }
  for (const std::shared_ptr<EndableCall>& call : calls) call->End(Draining());
}

std::vector<std::shared_ptr<EndableCall>> ServingState::AliveOf(const Calls& calls) {
  std::vector<std::shared_ptr<EndableCall>> alive;
  for (const auto& [key, weak] : calls) {
    if (std::shared_ptr<EndableCall> call = weak.lock()) alive.push_back(std::move(call));
  }
  return alive;
}

}  // namespace billbroker
