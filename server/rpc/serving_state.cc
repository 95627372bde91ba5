#include "server/rpc/serving_state.h"

#include <cstdlib>
#include <typeinfo>

#include "absl/time/time.h"
#include "server/rpc/tls_caller.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

absl::Status Draining() {
  return MakeError(Reason::kDraining, "the broker is shutting down; ask again");
}

}  // namespace

// Identifies the callers of a server; exactly one of the two is set.
struct ServingState::Door {
  const Identity* identity;
  Callers* callers;  // the certificate of a call names its caller
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

std::unique_ptr<grpc::ContextAllocator> ServingState::MakeContexts(const Identity& identity) {
  return std::make_unique<Contexts>(*this, Door{&identity, nullptr});
}

std::unique_ptr<grpc::ContextAllocator> ServingState::MakeContexts(Callers& callers) {
  return std::make_unique<Contexts>(*this, Door{nullptr, &callers});
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
  if (door.callers != nullptr) return TlsCaller(*door.callers, *context.auth_context());
  CallerPtr caller = door.identity->caller();
  if (caller != nullptr) return caller;
  return UnknownUser(UidOf(context));
}

Origin ServingState::OriginOf(const grpc::CallbackServerContext& context) {
  const Door& door = Ours(context).door;
  if (door.identity != nullptr) return door.identity->OriginOf(context.peer());
  return {{}, {}, CertificateSerial(*context.auth_context())};
}

std::string ServingState::CertificateNameOf(const grpc::CallbackServerContext& context) {
  if (Ours(context).door.callers == nullptr) return "";
  return CertificateName(*context.auth_context()).value_or("");
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

void ServingState::StartDraining() {
  std::vector<std::shared_ptr<OpenStream>> streams;
  {
    MutexLock lock(mutex_);
    draining_ = true;
    streams = Streams();
  }
  for (const std::shared_ptr<OpenStream>& stream : streams) stream->End(Draining());
}

void ServingState::CutStreams() {
  std::vector<std::shared_ptr<OpenStream>> streams;
  {
    MutexLock lock(mutex_);
    streams = Streams();
  }
  for (const std::shared_ptr<OpenStream>& stream : streams) stream->Cut();
}

void ServingState::AwaitCalls(absl::Time deadline) {
  std::unique_lock<std::mutex> lock(mutex_.native());
  ended_.wait_until(lock, absl::ToChronoTime(deadline), [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return calls_ == 0 && streams_.empty();
  });
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

absl::Status ServingState::Admit(const std::shared_ptr<OpenStream>& stream) {
  MutexLock lock(mutex_);
  if (draining_) return Draining();
  streams_.emplace(stream.get(), stream);
  return absl::OkStatus();
}

void ServingState::Forget(const OpenStream* stream) {
  MutexLock lock(mutex_);
  streams_.erase(stream);
  ended_.notify_all();
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
}

void ServingState::EndWaiting() {
  std::vector<std::shared_ptr<EndableCall>> calls;
  {
    MutexLock lock(mutex_);
    waiting_ended_ = true;
    for (const auto& [key, weak] : waiting_) {
      if (std::shared_ptr<EndableCall> call = weak.lock()) calls.push_back(std::move(call));
    }
  }
  for (const std::shared_ptr<EndableCall>& call : calls) call->End(Draining());
}

std::vector<std::shared_ptr<OpenStream>> ServingState::Streams() const {
  std::vector<std::shared_ptr<OpenStream>> streams;
  for (const auto& [key, weak] : streams_) {
    if (std::shared_ptr<OpenStream> stream = weak.lock()) streams.push_back(std::move(stream));
  }
  return streams;
}

}  // namespace billbroker
