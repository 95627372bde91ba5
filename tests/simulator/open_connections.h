// OpenConnections: the TLS connections of a server, so that stopping it does not wait for idle
// ones.
//
// httplib notices a stop only between two calls of a connection, and waits for an idle connection
// until its keep-alive time is over. OpenSSL's callbacks report the beginning and the end of each
// connection, which is enough to shut its socket.
//
// A connection occupies a thread while the client does not end the TLS handshake. Therefore at most
// kMostHalfOpen connections may be in their handshake: beyond, the oldest of them is shut.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <list>
#include <map>

#include "vault/base/mutex.h"

namespace billbroker::billsim {

// Thread-safe. Must outlive every connection of the contexts that it watches.
class OpenConnections final {
 public:
  static constexpr std::size_t kMostHalfOpen = 512;

  OpenConnections() = default;
  OpenConnections(const OpenConnections&) = delete;
  OpenConnections& operator=(const OpenConnections&) = delete;

  // Sets the callbacks of `context`. The file descriptor of each connection must be set before its
  // handshake begins, and closed after its SSL object is freed.
  void Watch(SSL_CTX& context);

  // Shuts all sockets, and from now on each new one at its first byte.
  void ShutDown();

 private:
  static void OnState(const SSL* ssl, int where, int value);
  static void OnFree(void* ssl, void* watcher, CRYPTO_EX_DATA* data, int index, long number,
                     void* pointer);
  static int Index();

  void Begin(const SSL* ssl);
  void EndHandshake(const SSL* ssl);
  void End(const SSL* ssl);

  Mutex mutex_;
  std::map<const SSL*, int> sockets_ ABSL_GUARDED_BY(mutex_);
  std::list<const SSL*> half_open_ ABSL_GUARDED_BY(mutex_);  // oldest first
  bool shut_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace billbroker::billsim
