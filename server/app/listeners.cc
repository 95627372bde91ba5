#include "server/app/listeners.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status.h"
#include "server/app/host_check.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

std::string NameOf(const ListenerConfig& config) { return "unix:" + config.socket; }

// Closes a connection, even if another part of the process keeps a second descriptor of it.
void TurnAway(int fd) {
  ::shutdown(fd, SHUT_RDWR);
  ::close(fd);
}

}  // namespace

absl::StatusOr<ClaimedSockets> ClaimSockets(const std::vector<ListenerConfig>& listeners) {
  ClaimedSockets sockets;
  for (const ListenerConfig& listener : listeners) {
    if (!listener.address.empty()) {
      absl::StatusOr<std::unique_ptr<TcpSocket>> socket = TcpSocket::Claim(listener);
      if (!socket.ok()) return socket.status();
      sockets.of_certificates.push_back(*std::move(socket));
      continue;
    }
    if (absl::Status made = MakeFolder(FolderOf(listener.socket)); !made.ok()) return made;
    absl::StatusOr<std::unique_ptr<UnixSocket>> socket = UnixSocket::Claim(listener);
    if (!socket.ok()) return socket.status();
    sockets.of_users.push_back(*std::move(socket));
  }
  return sockets;
}

Listeners::Listeners(ClaimedSockets sockets, Parts parts) : parts_(std::move(parts)) {
  for (auto& socket : sockets.of_users) listeners_.push_back(Open(std::move(socket)));
  for (auto& socket : sockets.of_certificates) tls_listeners_.push_back(Open(std::move(socket)));
}

Listeners::Listener Listeners::Open(std::unique_ptr<UnixSocket> socket) {
  const ListenerConfig& config = socket->config();
  auto connections = std::make_unique<Connections>(
      Connections::Limits{config.max_connections, config.max_user_connections});
  auto doors = std::make_unique<Doors>(
      parts_.callers, [&found = *connections](absl::string_view peer) { return found.Find(peer); },
      [this, &config](const Identity& identity) {
        GrpcServer::Options options = OptionsOf(config);
        options.contexts = parts_.state.MakeContexts(identity, config.max_connection_age);
        return GrpcServer::Start(std::move(options));
      });
  auto acceptor = std::make_unique<Acceptor>(
      socket->fd(), *connections, [this, &config, &counted = *connections, &to = *doors](int fd) {
        const absl::StatusOr<UnixPeer> peer = PeerOf(fd);
        if (!peer.ok()) return TurnAway(fd);
        const absl::Status served = Serve(fd, *peer, counted, to);
        if (served.ok()) return;
        if (MaySay(absl::StrCat(peer->uid, " ", config.socket))) {
          parts_.log.Write(LogLevel::kError, "connection_turned_away",
                           {{"listener", NameOf(config)},
                            {"uid", std::uint64_t{peer->uid}},
                            {"message", std::string(served.message())}});
        }
        TurnAway(fd);
      });
  return {std::move(socket), std::move(connections), std::move(doors), std::move(acceptor)};
}

std::unique_ptr<TlsListener> Listeners::Open(std::unique_ptr<TcpSocket> socket) {
  const ListenerConfig& config = socket->config();
  const std::string name = absl::StrCat("tls:", socket->address());
  return std::make_unique<TlsListener>(
      std::move(socket), TlsListener::Parts{parts_.clock, parts_.log},
      [this, &config](std::shared_ptr<grpc::ServerCredentials> credentials) {
        GrpcServer::Options options = OptionsOf(config);
        options.contexts =
            parts_.state.MakeContexts(parts_.callers, parts_.clock, config.max_connection_age);
        options.credentials = std::move(credentials);
        return GrpcServer::Start(std::move(options));
      },
      [this, name](const absl::Status& why) {
        if (!MaySay(name)) return;
        parts_.log.Write(LogLevel::kError, "connection_turned_away",
                         {{"listener", name}, {"message", std::string(why.message())}});
      });
}

GrpcServer::Options Listeners::OptionsOf(const ListenerConfig& config) const {
  GrpcServer::Options options;
  for (const std::string& name : config.services) {
    const OfferedService& offered = parts_.services.at(name);
    options.services.push_back(offered.service);
    options.health_names.push_back(offered.health_name);
  }
  options.max_connection_idle = config.max_connection_idle;
  options.max_connection_age = config.max_connection_age;
  return options;
}

absl::Status Listeners::Serve(int fd, const UnixPeer& peer, Connections& connections, Doors& to) {
  Origin origin{peer.uid, {}, {}};
  if (peer.pid > 0) origin.pid = peer.pid;
  if (parts_.callers.Of(peer) == nullptr) return Refuse(fd, origin);
  const std::string from = absl::StrCat("user ", peer.uid);
  if (absl::Status counted = connections.Add(fd, from, origin); !counted.ok()) return counted;
  absl::Status admitted = to.Admit(fd, peer);
  // The policy has changed meanwhile.
  if (HasReason(admitted, Reason::kCallerUnknown)) {
    parts_.recorder.RefuseConnection(origin, admitted);
  }
  return admitted;
}

absl::Status Listeners::Refuse(int fd, const Origin& origin) {
  const absl::Status why = UnknownUser(origin.uid);
  if (absl::Status added = refused_.Add(fd, *origin.uid, ToGrpcStatus(why)); !added.ok()) {
    return added;
  }
  parts_.recorder.RefuseConnection(origin, why);
  return absl::OkStatus();
}

bool Listeners::MaySay(const std::string& who) {
  MutexLock lock(mutex_);
  return said_.Take(who, parts_.clock.SinceBoot());
}

absl::Status Listeners::Publish() {
  for (const auto& tls : tls_listeners_) {
    if (absl::Status published = tls->Publish(); !published.ok()) return published;
  }
  for (const Listener& listener : listeners_) {
    if (absl::Status published = listener.socket->Publish(); !published.ok()) return published;
  }
  return absl::OkStatus();
}

std::vector<std::string> Listeners::Names() const {
  std::vector<std::string> names;
  for (const Listener& listener : listeners_) names.push_back(NameOf(listener.socket->config()));
  for (const auto& tls : tls_listeners_) names.push_back(tls->Name());
  return names;
}

void Listeners::ReloadCertificates() {
  for (const auto& tls : tls_listeners_) tls->Reload();
}

void Listeners::LookAtCertificates() {
  for (const auto& tls : tls_listeners_) tls->Look();
}

void Listeners::PolicyChanged() {
  for (const Listener& listener : listeners_) listener.doors->PolicyChanged();
}

void Listeners::CutUnknown() {
  for (const Listener& listener : listeners_) listener.doors->CutUnknown();
}

void Listeners::SetServing(const std::string& health_name, bool serving) {
  for (const Listener& listener : listeners_) listener.doors->SetServing(health_name, serving);
  for (const auto& tls : tls_listeners_) tls->SetServing(health_name, serving);
}

void Listeners::StopServing() {
  for (const Listener& listener : listeners_) listener.doors->StopServing();
  for (const auto& tls : tls_listeners_) tls->StopServing();
}

void Listeners::StopAccepting() {
  for (Listener& listener : listeners_) {
    listener.acceptor.reset();
    listener.socket->Close();
  }
  for (const auto& tls : tls_listeners_) tls->StopAccepting();
}

void Listeners::Shutdown(absl::Time deadline) {
  for (const Listener& listener : listeners_) listener.doors->Shutdown(deadline);
  for (const auto& tls : tls_listeners_) tls->Shutdown(deadline);
}

}  // namespace billbroker
