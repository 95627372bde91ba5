#include "server/rpc/serving_state.h"

#include <cstdlib>

#include "absl/time/time.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

absl::Status Draining() {
  return MakeError(Reason::kDraining, "the broker is shutting down; ask again");
}

}  // namespace

// gRPC's own context of a call, which gRPC gives back when the call is over.
class ServingState::Context final : public grpc::CallbackServerContext {
 public:
  bool admitted = false;
};

class ServingState::Contexts final : public grpc::ContextAllocator {
 public:
  explicit Contexts(ServingState& state) : state_(state) {}

  grpc::CallbackServerContext* NewCallbackServerContext() override { return new Context; }
  void Release(grpc::CallbackServerContext* context) override {
    const std::unique_ptr<Context> ours(static_cast<Context*>(context));
    if (ours->admitted) state_.EndCall();
  }

 private:
  ServingState& state_;
};

std::unique_ptr<grpc::ContextAllocator> ServingState::MakeContexts() {
  return std::make_unique<Contexts>(*this);
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
  auto* const ours = dynamic_cast<Context*>(&context);
  if (ours == nullptr) std::abort();  // the server was not given MakeContexts()
  // Counted before one looks: whoever starts to drain after the look finds it counted.
  ++calls_;
  if (draining_) {
    EndCall();
    return Draining();
  }
  ours->admitted = true;
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

std::vector<std::shared_ptr<OpenStream>> ServingState::Streams() const {
  std::vector<std::shared_ptr<OpenStream>> streams;
  for (const auto& [key, weak] : streams_) {
    if (std::shared_ptr<OpenStream> stream = weak.lock()) streams.push_back(std::move(stream));
  }
  return streams;
}

}  // namespace billbroker
