#include "server/app/tls_listener.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "server/app/tcp_address.h"

namespace billbroker {
namespace {

constexpr absl::Duration kGrace = absl::Minutes(1);
constexpr absl::Duration kWarnBefore = absl::Hours(7 * 24);
constexpr std::size_t kMostOld = 2;

std::shared_ptr<grpc::ServerCredentials> Credentials(TlsIdentity identity) {
  // gRPC supports TLS 1.2 and newer.
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = std::move(identity.client_ca);
  options.pem_key_cert_pairs.push_back({std::move(identity.key), std::move(identity.certificate)});
  return grpc::SslServerCredentials(options);
}

}  // namespace

TlsListener::TlsListener(std::unique_ptr<TcpSocket> socket, const Parts& parts, StartServer start,
                         TurnedAway turned_away)
    : socket_(std::move(socket)),
      parts_(parts),
      start_(std::move(start)),
      turned_away_(std::move(turned_away)),
      connections_({socket_->config().max_connections, socket_->config().max_user_connections}) {}

absl::Status TlsListener::Publish() {
  {
    MutexLock lock(mutex_);
    if (absl::Status loaded = Load(); !loaded.ok()) return loaded;
  }
  if (absl::Status published = socket_->Publish(); !published.ok()) return published;
  acceptor_ =
      std::make_unique<Acceptor>(socket_->fd(), connections_, [this](int fd) { Admit(fd); });
  return absl::OkStatus();
}

void TlsListener::Admit(int fd) {
  if (const absl::Status counted = connections_.Add(fd, PeerShare(fd), {}); !counted.ok()) {
    turned_away_(counted);
    ::shutdown(fd, SHUT_RDWR);
    ::close(fd);
    return;
  }
  MutexLock lock(mutex_);
  current_->AddConnection(fd);
}

absl::Status TlsListener::Load() {
  seen_ = StateOf(socket_->config().tls);  // before the read: a change meanwhile is read again
  absl::StatusOr<TlsIdentity> identity = LoadTlsIdentity(socket_->config().tls, parts_.clock.Now());
  if (!identity.ok()) return identity.status();
  const absl::Time expires = identity->expires;
  std::string client_ca = identity->client_ca;
  absl::StatusOr<std::unique_ptr<GrpcServer>> server = start_(Credentials(*std::move(identity)));
  if (!server.ok()) return server.status();
  for (const auto& [name, serving] : serving_) (*server)->SetServing(name, serving);
  if (closed_) (*server)->StopServing();
  if (current_ != nullptr) Replace(client_ca != client_ca_);
  current_ = *std::move(server);
  client_ca_ = std::move(client_ca);
  expires_ = expires;
  warned_ = absl::InfiniteDuration();
  WarnOfExpiry();
  return absl::OkStatus();
}

void TlsListener::Replace(bool other_ca) {
  old_.push_back(current_);
  while (old_.size() > (other_ca ? 0 : kMostOld)) LetGoOf(old_.front());
  if (other_ca) return;
  // With the jitter of 10 % that gRPC may add to the age.
  const absl::Duration age = socket_->config().max_connection_age;
  farewells_.RunAfter(age * 1.1 + GrpcServer::GraceOf(age),
                      [this, aged = std::weak_ptr<GrpcServer>(current_)] {
                        MutexLock lock(mutex_);
                        const auto old = std::find(old_.begin(), old_.end(), aged.lock());
                        if (old != old_.end()) LetGoOf(*old);
                      });
}

void TlsListener::LetGoOf(Server server) {
  old_.erase(std::find(old_.begin(), old_.end(), server));
  leaving_.push_back(server);
  farewells_.Run([this, server = std::move(server)] {
    server->Retire(kGrace);
    MutexLock lock(mutex_);
    leaving_.erase(std::find(leaving_.begin(), leaving_.end(), server));
  });
}

void TlsListener::Reload() {
  MutexLock lock(mutex_);
  ReloadLocked();
}

void TlsListener::Look() {
  MutexLock lock(mutex_);
  const TlsFiles& files = socket_->config().tls;
  // An invalid file may become valid by itself: a certificate whose validity begins.
  const bool good_by_now = kept_ && LoadTlsIdentity(files, parts_.clock.Now()).ok();
  if (good_by_now || StateOf(files) != seen_) ReloadLocked();
  WarnOfExpiry();
}

void TlsListener::ReloadLocked() {
  if (current_ == nullptr || closed_) return;
  const absl::Status loaded = Load();
  kept_ = !loaded.ok();
  if (kept_) {
    parts_.log.Write(LogLevel::kError, "certificate_kept",
                     {{"listener", Name()},
                      {"message", std::string(loaded.message())},
                      {"fix", "the previous certificates stay in use until the files are fixed"}});
    return;
  }
  parts_.log.Write(
      LogLevel::kInfo, "certificate_reloaded",
      {{"listener", Name()},
       {"expires", absl::FormatTime(absl::RFC3339_sec, expires_, absl::UTCTimeZone())}});
}

void TlsListener::WarnOfExpiry() {
  const absl::Duration left = expires_ - parts_.clock.Now();
  for (const absl::Duration ahead : {absl::ZeroDuration(), kWarnBefore}) {
    if (left > ahead || warned_ <= ahead) continue;
    warned_ = ahead;
    const bool over = ahead == absl::ZeroDuration();
    parts_.log.Write(
        over ? LogLevel::kError : LogLevel::kWarning,
        over ? "certificate_expired" : "certificate_expires",
        {{"listener", Name()},
         {"expires", absl::FormatTime(absl::RFC3339_sec, expires_, absl::UTCTimeZone())},
         {"fix", "renew the files of the listener; they are read without a restart"}});
    return;
  }
}

void TlsListener::SetServing(const std::string& health_name, bool serving) {
  MutexLock lock(mutex_);
  serving_[health_name] = serving;
  for (const Server& server : All()) server->SetServing(health_name, serving);
}

void TlsListener::StopServing() {
  MutexLock lock(mutex_);
  closed_ = true;
  for (const Server& server : All()) server->StopServing();
}

void TlsListener::Shutdown(absl::Time deadline) {
  std::vector<Server> servers;
  {
    MutexLock lock(mutex_);
    closed_ = true;
    servers = All();
  }
  std::vector<std::thread> farewells;  // in parallel, because each may take until the deadline
  for (const Server& server : servers) {
    farewells.emplace_back([&server, deadline] { server->Shutdown(deadline); });
  }
  for (std::thread& farewell : farewells) farewell.join();
}

std::vector<TlsListener::Server> TlsListener::All() const {
  std::vector<Server> all = old_;
  all.insert(all.end(), leaving_.begin(), leaving_.end());
  if (current_ != nullptr) all.push_back(current_);
  return all;
}

}  // namespace billbroker
