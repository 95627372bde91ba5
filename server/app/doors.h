// Doors: a gRPC server for each calling user of the machine. The connection identifies the caller,
// and not any data that is sent over it. Design: docs/adr/0018-principals-and-policy.md.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/access/caller.h"
#include "server/app/grpc_server.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Thread-safe.
class Doors final {
 public:
  // The limits of different users, and of different sets of groups of one user, until a restart.
  static constexpr int kMaxDoors = 1024;
  static constexpr int kMaxDoorsOfAUser = 4;

  // Starts the server of one door; `identity` outlives it.
  using StartServer = std::function<absl::StatusOr<std::unique_ptr<GrpcServer>>(const Identity&)>;

  // Borrows `callers`; `origins` returns the origin of a connection.
  Doors(Callers& callers, Identity::FindOrigin origins, StartServer start)
      : callers_(callers), origins_(std::move(origins)), start_(std::move(start)) {}
  Doors(const Doors&) = delete;
  Doors& operator=(const Doors&) = delete;

  // Serves a connection of `peer`; takes `fd` unless it fails: with kUnauthenticated if the policy
  // does not name the user, and with kResourceExhausted if there are too many doors.
  [[nodiscard]] absl::Status Admit(int fd, const UnixPeer& peer);

  // Assigns every door to the principal that the policy names now. Call it after each change of the
  // policy.
  void PolicyChanged();
  // Cuts the connections of users that the policy does not name any more. Returns when their calls
  // have ended: a change that has begun is finished.
  void CutUnknown();

  // Applies the function of GrpcServer to all doors, present and future.
  void SetServing(const std::string& health_name, bool serving);
  void StopServing();
  void Shutdown(absl::Time deadline);

 private:
  struct Door {
    Door(Origin origin, Identity::FindOrigin find) : identity(std::move(origin), std::move(find)) {}

    Identity identity;
    std::unique_ptr<GrpcServer> server;
  };

  [[nodiscard]] absl::StatusOr<std::shared_ptr<Door>> Open(CallerPtr caller, Origin origin)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] absl::Status CheckRoom(const UnixPeer& peer) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] std::vector<std::shared_ptr<Door>> All() const;
  static void ShutDown(const std::vector<std::shared_ptr<Door>>& doors, absl::Time deadline);

  Callers& callers_;
  const Identity::FindOrigin origins_;
  const StartServer start_;
  mutable Mutex mutex_;
  std::map<UnixPeer, std::shared_ptr<Door>> doors_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, bool> serving_ ABSL_GUARDED_BY(mutex_);  // by health name
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace billbroker
