// SecretString: a secret's bytes, from the line that reads them to the line that sends them.
//
// Move-only. The bytes are in the locked slab (secret_arena.h) and are wiped by the destructor.
// Equality is constant-time for equal lengths; the length itself is not secret. There is no
// operator<<, and GoogleTest prints only the length. Only `Reveal()` returns the bytes: `grep -rn
// Reveal` finds every use.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace billbroker {

class SecretString final {
 public:
  SecretString() = default;  // empty
  ~SecretString();
  SecretString(SecretString&& other) noexcept;
  SecretString& operator=(SecretString&& other) noexcept;
  SecretString(const SecretString&) = delete;
  SecretString& operator=(const SecretString&) = delete;

  // Copies `bytes` into the slab. The caller must wipe its own copy, see WipeString().
  [[nodiscard]] static SecretString CopyOf(absl::string_view bytes);

  [[nodiscard]] SecretString Clone() const { return CopyOf(Reveal()); }

  // Returns the bytes, valid while this object lives and is not moved from.
  [[nodiscard]] absl::string_view Reveal() const { return {bytes_, size_}; }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  friend bool operator==(const SecretString& a, const SecretString& b);
  friend std::ostream& operator<<(std::ostream&, const SecretString&) = delete;
  friend void PrintTo(const SecretString& secret, std::ostream* out);

 private:
  friend class SecretBuilder;

  char* bytes_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

// Builds a secret text piece by piece (a request body, a document) inside the slab.
class SecretBuilder final {
 public:
  SecretBuilder& Append(absl::string_view bytes);
  [[nodiscard]] absl::string_view Reveal() const { return text_.Reveal(); }
  [[nodiscard]] std::size_t size() const { return text_.size(); }
  [[nodiscard]] SecretString Build() && { return std::move(text_); }

 private:
  SecretString text_;
};

// Wipes every byte that `text` holds, its spare capacity included, and empties it.
void WipeString(std::string& text);

}  // namespace billbroker
