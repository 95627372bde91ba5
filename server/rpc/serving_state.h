// ServingState: what the process says of itself to every handler, and what is under way when it
// drains: the calls, which are awaited, and the streams, which have to end.
#pragma once

#include <grpcpp/server_context.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "vault/base/mutex.h"

namespace billbroker {

// A call that goes on until one of its two sides ends it.
class OpenStream {
 public:
  virtual ~OpenStream() = default;
  // Ends it with `why` once what is being written has gone out. Must not block.
  virtual void End(const absl::Status& why) = 0;
  // Ends it without waiting for a reader that reads no more: the caller hears CANCELLED, unless it
  // has ended. Must not block.
  virtual void Cut() = 0;
};

// Thread-safe.
class ServingState final {
 public:
  // `base_urls`: environment name -> base URL.
  ServingState(std::string version, absl::Time start_time,
               std::map<std::string, std::string> base_urls)
      : version_(std::move(version)), start_time_(start_time), base_urls_(std::move(base_urls)) {}

  [[nodiscard]] const std::string& version() const { return version_; }
  [[nodiscard]] absl::Time start_time() const { return start_time_; }
  [[nodiscard]] const std::map<std::string, std::string>& base_urls() const { return base_urls_; }

  // For ServerBuilder::SetContextAllocator() of every server whose calls ask Admit(). Borrows this.
  [[nodiscard]] std::unique_ptr<grpc::ContextAllocator> MakeContexts();

  // From now on no call is admitted, and every open stream ends with DRAINING.
  void StartDraining();
  // Returns when gRPC has sent the answers of all calls that were admitted and let go of them, and
  // every stream has ended; or at `deadline`. After StartDraining().
  void AwaitCalls(absl::Time deadline);
  // Cuts the streams that have not ended since. Not on a thread of gRPC's.
  void CutStreams();
  [[nodiscard]] bool draining() const { return draining_; }

  // DRAINING once the broker shuts down: calls accepted before get their answers, no new one does.
  // An admitted call counts as under way until gRPC lets go of `context`. Once for a call.
  [[nodiscard]] absl::Status Admit(grpc::CallbackServerContext& context);
  // The same for a stream, which is kept track of until Forget(). It is not kept alive.
  [[nodiscard]] absl::Status Admit(const std::shared_ptr<OpenStream>& stream);
  void Forget(const OpenStream* stream);

 private:
  class Context;
  class Contexts;

  void EndCall();
  [[nodiscard]] std::vector<std::shared_ptr<OpenStream>> Streams() const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string version_;
  const absl::Time start_time_;
  const std::map<std::string, std::string> base_urls_;
  std::atomic<bool> draining_ = false;  // written under the mutex
  mutable Mutex mutex_;
  std::map<const OpenStream*, std::weak_ptr<OpenStream>> streams_ ABSL_GUARDED_BY(mutex_);
  std::atomic<int> calls_ = 0;
  std::condition_variable ended_;  // the last call, while draining; a stream
};

}  // namespace billbroker
