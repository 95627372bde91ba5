#include "tests/support/stub_secret_session.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

constexpr int kKeySize = 16;       // of AES-128, and its block size
constexpr int kPrimeSize = 128;    // 1024 bits
constexpr int kPrivateBits = 512;  // of the private number

template <typename T, void (*Free)(T*)>
struct FreeOpenSsl {
  void operator()(T* owned) const { Free(owned); }
};
using Number = std::unique_ptr<BIGNUM, FreeOpenSsl<BIGNUM, BN_free>>;
using NumberContext = std::unique_ptr<BN_CTX, FreeOpenSsl<BN_CTX, BN_CTX_free>>;
using Kdf = std::unique_ptr<EVP_KDF, FreeOpenSsl<EVP_KDF, EVP_KDF_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, FreeOpenSsl<EVP_KDF_CTX, EVP_KDF_CTX_free>>;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeOpenSsl<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>>;

void Require(bool done) {
  if (!done) std::abort();
}

unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* Bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string RandomBytes(int size) {
  std::string bytes(size, '\0');
  Require(RAND_bytes(Bytes(bytes), size) == 1);
  return bytes;
}

std::string ToBytes(const BIGNUM* number) {
  std::string bytes(kPrimeSize, '\0');
  Require(BN_bn2binpad(number, Bytes(bytes), kPrimeSize) == kPrimeSize);
  return bytes;
}

// Returns the key of AES: HKDF-SHA256 without salt and info.
std::string DeriveKey(std::string shared_secret) {
  const Kdf kdf(EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_HKDF, nullptr));
  const KdfContext context(EVP_KDF_CTX_new(kdf.get()));
  std::string digest = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, shared_secret.data(),
                                        shared_secret.size()),
      OSSL_PARAM_construct_end()};
  std::string key(kKeySize, '\0');
  Require(EVP_KDF_derive(context.get(), Bytes(key), kKeySize, parameters) == 1);
  return key;
}

}  // namespace

std::optional<StubSecretSession> StubSecretSession::Agree(const std::string& peer_key,
                                                          std::string& own_key) {
  const NumberContext context(BN_CTX_new());
  const Number prime(BN_get_rfc2409_prime_1024(nullptr));
  const Number peer(BN_bin2bn(Bytes(peer_key), static_cast<int>(peer_key.size()), nullptr));
  if (BN_is_zero(peer.get()) || BN_is_one(peer.get()) || BN_cmp(peer.get(), prime.get()) >= 0) {
    return std::nullopt;
  }
  const Number generator(BN_new());
  const Number secret(BN_new());
  const Number result(BN_new());
  Require(BN_set_word(generator.get(), 2) == 1);
  Require(BN_rand(secret.get(), kPrivateBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1);
  Require(BN_mod_exp(result.get(), generator.get(), secret.get(), prime.get(), context.get()) == 1);
  own_key = ToBytes(result.get());
  Require(BN_mod_exp(result.get(), peer.get(), secret.get(), prime.get(), context.get()) == 1);
  StubSecretSession session;
  session.key_ = DeriveKey(ToBytes(result.get()));
  return session;
}

StubSecretSession::Sealed StubSecretSession::Seal(const std::string& secret) const {
  if (key_.empty()) return {"", secret};
  Sealed sealed{RandomBytes(kKeySize), std::string(secret.size() + kKeySize, '\0')};
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int size = 0;
  int last = 0;
  Require(EVP_EncryptInit_ex(cipher.get(), EVP_aes_128_cbc(), nullptr, Bytes(key_),
                             Bytes(sealed.parameters)) == 1);
  Require(EVP_EncryptUpdate(cipher.get(), Bytes(sealed.value), &size, Bytes(secret),
                            static_cast<int>(secret.size())) == 1);
  Require(EVP_EncryptFinal_ex(cipher.get(), Bytes(sealed.value) + size, &last) == 1);
  sealed.value.resize(size + last);
  return sealed;
}

std::optional<std::string> StubSecretSession::Open(const Sealed& sealed) const {
  if (key_.empty()) return sealed.value;
  if (sealed.parameters.size() != kKeySize) return std::nullopt;
  const Cipher cipher(EVP_CIPHER_CTX_new());
  std::string secret(sealed.value.size() + kKeySize, '\0');
  int size = 0;
  int last = 0;
  Require(EVP_DecryptInit_ex(cipher.get(), EVP_aes_128_cbc(), nullptr, Bytes(key_),
                             Bytes(sealed.parameters)) == 1);
  const bool opened = EVP_DecryptUpdate(cipher.get(), Bytes(secret), &size, Bytes(sealed.value),
                                        static_cast<int>(sealed.value.size())) == 1 &&
                      EVP_DecryptFinal_ex(cipher.get(), Bytes(secret) + size, &last) == 1;
  if (!opened) return std::nullopt;
  secret.resize(size + last);
  return secret;
}

void StubSecretSession::Rekey() {
  if (!key_.empty()) key_ = RandomBytes(kKeySize);
}

std::string StubSecretSessions::Add(StubSecretSession session) {
  std::string path = absl::StrCat("/org/freedesktop/secrets/session/s", ++last_);
  sessions_[path] = std::move(session);
  rekeyed_.erase(path);
  return path;
}

const StubSecretSession* StubSecretSessions::Find(const std::string& path) const {
  const auto found = sessions_.find(path);
  return found == sessions_.end() ? nullptr : &found->second;
}

void StubSecretSessions::RekeyAll() {
  for (auto& [path, session] : sessions_) {
    session.Rekey();
    rekeyed_.insert(path);
  }
}

void StubSecretSessions::CloseRekeyed() {
  for (const std::string& path : std::exchange(rekeyed_, {})) sessions_.erase(path);
}

}  // namespace billbroker
