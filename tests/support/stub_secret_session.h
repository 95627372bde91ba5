// StubSecretSession: how one client and the stub Secret Service encrypt secrets on the bus.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

namespace billbroker {

// The algorithm "plain", or "dh-ietf1024-sha256-aes128-cbc-pkcs7": Diffie-Hellman in the second
// Oakley group, HKDF-SHA256, AES-128-CBC.
class StubSecretSession final {
 public:
  // A secret on the bus. Without encryption `parameters` is empty.
  struct Sealed {
    std::string parameters;
    std::string value;
  };

  // Makes a plain session.
  StubSecretSession() = default;

  // Returns an encrypted session and writes the stub's public key to `own_key`; nothing if
  // `peer_key` is not a valid public key.
  [[nodiscard]] static std::optional<StubSecretSession> Agree(const std::string& peer_key,
                                                              std::string& own_key);

  [[nodiscard]] Sealed Seal(const std::string& secret) const;
  // Returns nothing if the client encrypted with another key.
  [[nodiscard]] std::optional<std::string> Open(const Sealed& sealed) const;
  // Changes the key of an encrypted session without the client's knowledge.
  void Rekey();

 private:
  std::string key_;  // empty in a plain session
};

// The open sessions by path.
class StubSecretSessions final {
 public:
  // Returns the path of the new session.
  std::string Add(StubSecretSession session);
  [[nodiscard]] const StubSecretSession* Find(const std::string& path) const;
  void Close(const std::string& path) { sessions_.erase(path); }
  void CloseAll() { sessions_.clear(); }
  // Numbers the next sessions from the beginning, so that they get the paths of earlier ones.
  void ReusePaths() { last_ = 0; }
  void RekeyAll();
  // Closes the sessions that RekeyAll() changed.
  void CloseRekeyed();

 private:
  int last_ = 0;
  std::map<std::string, StubSecretSession> sessions_;
  std::set<std::string> rekeyed_;
};

}  // namespace billbroker
