// ServingState: facts about the process that handlers return, and the calls under way. A drain
// waits for unary calls, and ends streams last.
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
#include "server/rpc/tls_caller.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"

namespace billbroker {

// A call that can be ended before it is answered.
class EndableCall {
 public:
  virtual ~EndableCall() = default;
  // Ends the call with `why`, unless its work has begun. A stream ends after the message that is
  // being written. Must not block.
  virtual void End(const absl::Status& why) = 0;
  // Ends the call although its work is under way: its outcome is unknown. Must not block.
  virtual void Abandon() {}
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
  // connections all calls come from `identity`. Borrows both. `longest_stream`: see
  // LongestStreamOf().
  [[nodiscard]] std::unique_ptr<grpc::ContextAllocator> MakeContexts(
      const Identity& identity, absl::Duration longest_stream = absl::InfiniteDuration());
  // Returns one for a server that accepts only mutual TLS: the certificate identifies the caller,
  // as long as it is valid.
  [[nodiscard]] std::unique_ptr<grpc::ContextAllocator> MakeContexts(
      Callers& callers, const Clock& clock,
      absl::Duration longest_stream = absl::InfiniteDuration());

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
  [[nodiscard]] static Origin OriginOf(const grpc::CallbackServerContext& context);
  // Returns the principal that the certificate names, even if the policy grants it nothing. Empty
  // if it names none, and over a Unix socket.
  [[nodiscard]] static std::string CertificateNameOf(const grpc::CallbackServerContext& context);
  // Returns the user id of a caller on a Unix socket.
  [[nodiscard]] static absl::optional<std::uint32_t> UidOf(
      const grpc::CallbackServerContext& context);

  // Returns the time after which the server of the call ends a stream, so that a connection that is
  // too old, or whose certificate has expired, has no stream any more.
  [[nodiscard]] static absl::Duration LongestStreamOf(const grpc::CallbackServerContext& context);

  // Refuses new calls and new streams from now on. Calls under way and streams continue. This and
  // the next five functions are the steps of a drain, in this order; see Drain().
  void StartDraining();
  // Blocks until gRPC has sent the answers of all admitted unary calls and released them; at most
  // until `deadline`.
  void AwaitCalls(absl::Time deadline);
  // Ends all calls that wait for a session or for their turn, present and future, with DRAINING.
  void EndWaiting();
  // Abandons the calls whose work is still under way.
  void AbandonCalls();
  // Holds back the answers of Refuse() from now on.
  void HoldRefusals();
  // Sends the answers that were held back, and ends all streams with DRAINING.
  void EndStreams();
  [[nodiscard]] bool draining() const { return draining_; }

  // Admits a call, which counts as under way until gRPC releases `context`. Fails with DRAINING
  // once the broker shuts down: calls admitted earlier get their answers, new calls do not. Call it
  // once for each call, after Enter().
  [[nodiscard]] absl::Status Admit(grpc::CallbackServerContext& context);
  // Answers a unary call that was not admitted with `why`. Between HoldRefusals() and EndStreams()
  // the answer waits: a client that got it at once would make its next call on the connection that
  // is about to be closed, and gRPC would cancel that call without a reason.
  [[nodiscard]] grpc::ServerUnaryReactor* Refuse(grpc::CallbackServerContext& context,
                                                 const absl::Status& why);
  // Admits a stream, and tracks it until Forget() without keeping it alive.
  [[nodiscard]] absl::Status AdmitStream(const std::shared_ptr<EndableCall>& stream);

  // Tracks an admitted call that waits until Forget(), so that EndWaiting() can end it. Does not
  // keep it alive.
  void AddWaiting(const std::shared_ptr<EndableCall>& call);
  // Forgets a stream or a call.
  void Forget(const EndableCall* call);

 private:
  struct Door;
  class Context;
  class Contexts;
  // Without keeping them alive.
  using Calls = std::map<const EndableCall*, std::weak_ptr<EndableCall>>;
  struct HeldRefusal {
    grpc::ServerUnaryReactor* reactor;
    absl::Status why;
  };

  static Context& Ours(grpc::CallbackServerContext& context);
  static const Context& Ours(const grpc::CallbackServerContext& context);
  // Returns the calls that have not ended.
  [[nodiscard]] static std::vector<std::shared_ptr<EndableCall>> AliveOf(const Calls& calls);
  void EndCall();

  const std::string version_;
  const absl::Time start_time_;
  const std::map<std::string, std::string> base_urls_;
  std::atomic<bool> draining_ = false;  // written under the mutex
  mutable Mutex mutex_;
  Calls streams_ ABSL_GUARDED_BY(mutex_);
  Calls waiting_ ABSL_GUARDED_BY(mutex_);
  bool waiting_ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool holds_refusals_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<HeldRefusal> held_ ABSL_GUARDED_BY(mutex_);
  ClientCertificates certificates_;
  std::atomic<int> calls_ = 0;
  std::condition_variable ended_;  // the last call, while draining
};

}  // namespace billbroker
