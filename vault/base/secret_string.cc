#include "vault/base/secret_string.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <ostream>
#include <utility>

#include "vault/base/secret_arena.h"

namespace billbroker {

SecretString::~SecretString() {
  if (bytes_ != nullptr) FreeSecret(bytes_, capacity_);
}

SecretString::SecretString(SecretString&& other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

SecretString& SecretString::operator=(SecretString&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  // Wipes the old bytes now, and not in the destructor of `other`.
  SecretString old(std::move(other));
  return *this;
}

SecretString SecretString::CopyOf(absl::string_view bytes) {
  SecretString copy;
  if (bytes.empty()) return copy;
  copy.bytes_ = AllocateSecret(bytes.size());
  copy.size_ = copy.capacity_ = bytes.size();
  std::memcpy(copy.bytes_, bytes.data(), bytes.size());
  return copy;
}

bool operator==(const SecretString& a, const SecretString& b) {
  return a.size_ == b.size_ && (a.size_ == 0 || sodium_memcmp(a.bytes_, b.bytes_, a.size_) == 0);
}

void PrintTo(const SecretString& secret, std::ostream* out) {
  *out << "SecretString of " << secret.size() << " bytes";
}

SecretBuilder& SecretBuilder::Append(absl::string_view bytes) {
  if (bytes.empty()) return *this;
  if (text_.size_ + bytes.size() > text_.capacity_) {
    SecretString grown;
    grown.capacity_ = std::max<std::size_t>(2 * text_.capacity_, text_.size_ + bytes.size());
    grown.bytes_ = AllocateSecret(grown.capacity_);
    grown.size_ = text_.size_;
    if (text_.size_ > 0) std::memcpy(grown.bytes_, text_.bytes_, text_.size_);
    text_ = std::move(grown);
  }
  std::memcpy(text_.bytes_ + text_.size_, bytes.data(), bytes.size());
  text_.size_ += bytes.size();
  return *this;
}

void WipeString(std::string& text) {
  text.resize(text.capacity());
  WipeBytes(text.data(), text.size());
  text.clear();
}

}  // namespace billbroker
