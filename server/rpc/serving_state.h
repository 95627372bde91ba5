// ServingState: what the process says of itself to every handler, and what is under way when it
// drains: the calls, which are awaited, and the streams, which have to end.
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
  // Ends it with `why`; a stream once the message that is being written has gone out. Must not
  // block.
  virtual void End(const absl::Status& why) = 0;
};

// A call that goes on until one of its two sides ends it.
class OpenStream : public EndableCall {
 public:
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

  // For ServerBuilder::SetContextAllocator() of a server behind whose connections is `identity`.
  // Borrows both.
  [[nodiscard]] std::unique_ptr<grpc::ContextAllocator> MakeContexts(const Identity& identity);
  // The same for a server that takes mutual TLS alone: whoever the certificate names.
  [[nodiscard]] std::unique_ptr<grpc::ContextAllocator> MakeContexts(Callers& callers);

  // Who calls, as the policy in force says: CALLER_UNKNOWN.
  [[nodiscard]] static absl::StatusOr<CallerPtr> CallerOf(grpc::CallbackServerContext& context);
  // The same, within its limits until gRPC lets go of `context`: CALLER_LIMIT too. `now` is
  // Clock::SinceBoot(); it counts as `calls` of `kind`. Once for a call; see Gate.
  [[nodiscard]] absl::StatusOr<CallerPtr> Enter(grpc::CallbackServerContext& context,
                                                absl::Duration now, int calls = 1,
                                                CallKind kind = CallKind::kAtOnce) const;
  // See Caller::StartWaiting(). After Enter() with kAtOnce, before the handler returns.
  [[nodiscard]] static absl::Status StartWaiting(grpc::CallbackServerContext& context);
  // Where the call comes from. Over TLS this parses the certificate, which the two below do not.
  [[nodiscard]] static Origin OriginOf(const grpc::CallbackServerContext& context);
  // The principal that the certificate names, whatever the policy says of it; empty where it names
  // none, and over a Unix socket.
  [[nodiscard]] static std::string CertificateNameOf(const grpc::CallbackServerContext& context);
  // Of a caller on a Unix socket.
  [[nodiscard]] static absl::optional<std::uint32_t> UidOf(
      const grpc::CallbackServerContext& context);

  // From now on no call is admitted, and every open stream ends with DRAINING.
  void StartDraining();
  // Returns when gRPC has sent the answers of all calls that were admitted and let go of them, and
  // every stream has ended; or at `deadline`. After StartDraining().
  void AwaitCalls(absl::Time deadline);
  // Ends the calls that wait for a session, now and from now on, with DRAINING. After
  // StartDraining().
  void EndWaiting();
  // Cuts the streams that have not ended since. Not on a thread of gRPC's.
  void CutStreams();
  [[nodiscard]] bool draining() const { return draining_; }

  // DRAINING once the broker shuts down: calls accepted before get their answers, no new one does.
  // An admitted call counts as under way until gRPC lets go of `context`. Once for a call, after
  // Enter().
  [[nodiscard]] absl::Status Admit(grpc::CallbackServerContext& context);
  // The same for a stream, which is kept track of until Forget(). It is not kept alive.
  [[nodiscard]] absl::Status Admit(const std::shared_ptr<OpenStream>& stream);
  void Forget(const OpenStream* stream);

  // Keeps track of an admitted call that waits, so that EndWaiting() can end it, until Forget().
  // Does not keep it alive.
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
