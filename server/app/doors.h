// Doors: a server for each user of the machine that calls, so that whoever calls is known by the
// connection and by nothing that is sent over it. Design: docs/adr/0018-principals-and-policy.md.
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
  // More different users, or more different groups of one user, are turned away until a restart.
  static constexpr int kMaxDoors = 1024;
  static constexpr int kMaxDoorsOfAUser = 4;

  // Starts the server of one door; `identity` outlives it.
  using StartServer = std::function<absl::StatusOr<std::unique_ptr<GrpcServer>>(const Identity&)>;

  // Borrows `callers`; `origins` says of a connection who made it.
  Doors(Callers& callers, Identity::FindOrigin origins, StartServer start)
      : callers_(callers), origins_(std::move(origins)), start_(std::move(start)) {}
  Doors(const Doors&) = delete;
  Doors& operator=(const Doors&) = delete;

  // Serves a connection of `peer`; takes `fd` unless it fails. Those whom the policy does not know
  // share one door, behind which every call answers CALLER_UNKNOWN. kResourceExhausted where there
  // are too many.
  [[nodiscard]] absl::Status Admit(int fd, const UnixPeer& peer);

  // To be called when the policy has changed: every door is of the principal that it names now.
  void PolicyChanged();
  // Cuts the unknown, so that those among them who are known by now come again. May take a second.
  void CutUnknown();

  // As those of GrpcServer, for the doors there are and will be.
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

  Callers& callers_;
  const Identity::FindOrigin origins_;
  const StartServer start_;
  mutable Mutex mutex_;
  std::map<UnixPeer, std::shared_ptr<Door>> doors_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Door> unknown_ ABSL_GUARDED_BY(mutex_);        // null while nobody came
  std::map<std::string, bool> serving_ ABSL_GUARDED_BY(mutex_);  // by health name
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace billbroker
