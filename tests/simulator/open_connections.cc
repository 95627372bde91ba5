#include "tests/simulator/open_connections.h"

#include <sys/socket.h>

namespace billbroker::billsim {

// OpenSSL never reuses an index, so the process has one for all servers.
int OpenConnections::Index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, &OnFree);
  return index;
}

void OpenConnections::Watch(SSL_CTX& context) {
  SSL_CTX_set_app_data(&context, this);
  SSL_CTX_set_info_callback(&context, &OnState);
}

void OpenConnections::OnState(const SSL* ssl, int where, int) {
  auto* watcher = static_cast<OpenConnections*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if ((where & SSL_CB_HANDSHAKE_DONE) != 0) watcher->EndHandshake(ssl);
  if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
  // httplib owns the connection, which is not const; only OpenSSL's callback declares it so.
  SSL_set_ex_data(const_cast<SSL*>(ssl), Index(), watcher);
  watcher->Begin(ssl);
}

// Runs while the socket is still open: httplib closes it after the SSL object is freed.
void OpenConnections::OnFree(void* ssl, void* watcher, CRYPTO_EX_DATA*, int, long, void*) {
  if (watcher != nullptr) static_cast<OpenConnections*>(watcher)->End(static_cast<SSL*>(ssl));
}

void OpenConnections::Begin(const SSL* ssl) {
  MutexLock lock(mutex_);
  const int socket = SSL_get_fd(ssl);
  // A client may handshake again on the same connection, such as for new keys.
  if (sockets_.emplace(ssl, socket).second) half_open_.push_back(ssl);
  if (shut_) shutdown(socket, SHUT_RDWR);
  if (half_open_.size() <= kMostHalfOpen) return;
  shutdown(sockets_.at(half_open_.front()), SHUT_RDWR);
  half_open_.pop_front();
}

void OpenConnections::EndHandshake(const SSL* ssl) {
  MutexLock lock(mutex_);
  half_open_.remove(ssl);
}

void OpenConnections::End(const SSL* ssl) {
  MutexLock lock(mutex_);
  sockets_.erase(ssl);
  half_open_.remove(ssl);
}

void OpenConnections::ShutDown() {
  MutexLock lock(mutex_);
  shut_ = true;
  for (const auto& [ssl, socket] : sockets_) shutdown(socket, SHUT_RDWR);
}

}  // namespace billbroker::billsim
