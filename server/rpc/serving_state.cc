#include "server/rpc/serving_state.h"

#include "vault/base/error.h"

namespace billbroker {

void ServingState::StartDraining() {
  std::vector<std::shared_ptr<OpenStream>> streams;
  {
    MutexLock lock(mutex_);
    draining_ = true;
    streams = Streams();
  }
  for (const std::shared_ptr<OpenStream>& stream : streams) stream->End(Admit());
}

void ServingState::CutStreams() {
  std::vector<std::shared_ptr<OpenStream>> streams;
  {
    MutexLock lock(mutex_);
    streams = Streams();
  }
  for (const std::shared_ptr<OpenStream>& stream : streams) stream->Cut();
}

absl::Status ServingState::Admit() const {
  if (!draining_) return absl::OkStatus();
  return MakeError(Reason::kDraining, "the broker is shutting down; ask again");
}

absl::Status ServingState::Admit(const std::shared_ptr<OpenStream>& stream) {
  MutexLock lock(mutex_);
  absl::Status admitted = Admit();
  if (admitted.ok()) streams_.emplace(stream.get(), stream);
  return admitted;
}

void ServingState::Forget(const OpenStream* stream) {
  MutexLock lock(mutex_);
  streams_.erase(stream);
}

std::vector<std::shared_ptr<OpenStream>> ServingState::Streams() const {
  std::vector<std::shared_ptr<OpenStream>> streams;
  for (const auto& [key, weak] : streams_) {
    if (std::shared_ptr<OpenStream> stream = weak.lock()) streams.push_back(std::move(stream));
  }
  return streams;
}

}  // namespace billbroker
