// ServingState: facts about the process that handlers return, and the calls under way. A drain
// waits for unary calls and ends streams.
#pragma once

#include <grpcpp/server_context.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/access/caller.h"
#include "vault/base/mutex.h"

namespace billbroker {

// A call that can be ended before it is answered.
class EndableCall {
 public:
  virtual ~EndableCall() = default;
  // Ends the call with `why`. A stream ends after the message that is being written. Must not
  // block.
  virtual void End(const absl::Status& why) = 0;
};

// A stream that stays open until the client or the broker ends it.
class OpenStream : public EndableCall {
 public:
  // Ends the stream without waiting for a client that no longer reads: the client receives
  // CANCELLED, unless the stream has ended already. Must not block.
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

  // Returns a context allocator for ServerBuilder::SetContextAllocator(), for a server on whose
  // connections all calls come from `identity`. Borrows both.
  [[nodiscard]] std::unique_ptr<grpc::ContextAllocator> MakeContexts(const Identity& identity);
  // Returns one for a server that accepts only mutual TLS: the certificate identifies the caller.
  [[nodiscard]] std::unique_ptr<grpc::ContextAllocator> MakeContexts(Callers& callers);

  // Returns the caller according to the current policy, or CALLER_UNKNOWN.
  [[nodiscard]] static absl::StatusOr<CallerPtr> CallerOf(grpc::CallbackServerContext& context);
  // Returns the caller, and counts the call as `calls` of `kind` towards its limits until gRPC
  // releases `context`. Fails with CALLER_LIMIT too. `now` is Clock::SinceBoot(). Call it once for
  // each call; see Authorizer.
  [[nodiscard]] absl::StatusOr<CallerPtr> Enter(grpc::CallbackServerContext& context,
                                                absl::Duration now, int calls = 1,
                                                CallKind kind = CallKind::kAtOnce) const;
  // Counts the call as one that waits, see Caller::StartWaiting(). Call it after Enter() with
  // kAtOnce and before the handler returns.
  [[nodiscard]] static absl::Status StartWaiting(grpc::CallbackServerContext& context);
  // Returns the origin of the call. Over TLS this parses the certificate; the two functions below
  // do not.
  [[nodiscard]] static Origin OriginOf(const grpc::CallbackServerContext& context);
  // Returns the principal that the certificate names, even if the policy grants it nothing. Empty
  // if it names none, and over a Unix socket.
  [[nodiscard]] static std::string CertificateNameOf(const grpc::CallbackServerContext& context);
  // Returns the user id of a caller on a Unix socket.
  [[nodiscard]] static absl::optional<std::uint32_t> UidOf(
      const grpc::CallbackServerContext& context);

  // Refuses new calls from now on, and ends every open stream with DRAINING.
  void StartDraining();
  // Blocks until gRPC has sent the answers of all admitted calls and released them, and every
  // stream has ended; at most until `deadline`. Call it after StartDraining().
  void AwaitCalls(absl::Time deadline);
  // Ends all calls that wait for a session, present and future, with DRAINING. Call it after
  // StartDraining().
  void EndWaiting();
  // Cuts the streams that have not ended yet. Do not call it on a thread of gRPC.
  void CutStreams();
  [[nodiscard]] bool draining() const { return draining_; }

  // Admits a call, which counts as under way until gRPC releases `context`. Fails with DRAINING
  // once the broker shuts down: calls admitted earlier get their answers, new calls do not. Call it
  // once for each call, after Enter().
  [[nodiscard]] absl::Status Admit(grpc::CallbackServerContext& context);
  // Admits a stream, and tracks it until Forget() without keeping it alive.
  [[nodiscard]] absl::Status Admit(const std::shared_ptr<OpenStream>& stream);
  void Forget(const OpenStream* stream);

  // Tracks an admitted call that waits until Forget(), so that EndWaiting() can end it. Does not
  // keep it alive.
  void AddWaiting(const std::shared_ptr<EndableCall>& call);
  void Forget(const EndableCall* call);

 private:
  struct Door;
  class Context;
  class Contexts;

  static Context& Ours(grpc::CallbackServerContext& context);
  static const Context& Ours(const grpc::CallbackServerContext& context);
  void EndCall();
  [[nodiscard]] std::vector<std::shared_ptr<OpenStream>> Streams() const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string version_;
  const absl::Time start_time_;
  const std::map<std::string, std::string> base_urls_;
  std::atomic<bool> draining_ = false;  // written under the mutex
  mutable Mutex mutex_;
  std::map<const OpenStream*, std::weak_ptr<OpenStream>> streams_ ABSL_GUARDED_BY(mutex_);
  std::map<const EndableCall*, std::weak_ptr<EndableCall>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool waiting_ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<int> calls_ = 0;
  std::condition_variable ended_;  // the last call, while draining; a stream
};

}  // namespace billbroker
