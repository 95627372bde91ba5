// Owning pointers for objects of GLib and libsecret.
#pragma once

#include <gio/gio.h>
#include <libsecret/secret.h>

#include <memory>

namespace billbroker {

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T* owned) const {
    Free(owned);
  }
};

template <typename T>
using GObjectPtr = std::unique_ptr<T, FreeWith<g_object_unref>>;
using GErrorPtr = std::unique_ptr<GError, FreeWith<g_error_free>>;
using GVariantPtr = std::unique_ptr<GVariant, FreeWith<g_variant_unref>>;
using GCharPtr = std::unique_ptr<char, FreeWith<g_free>>;
using SecretValuePtr = std::unique_ptr<SecretValue, FreeWith<secret_value_unref>>;

// Receives the result that a C function writes through a T**: `f(Out(error))`.
template <typename Ptr>
class Out final {
 public:
  explicit Out(Ptr& to) : to_(to) {}
  ~Out() { to_.reset(raw_); }
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;

  operator typename Ptr::pointer *() {  // NOLINT(google-explicit-constructor): that is its purpose
    return &raw_;
  }

 private:
  Ptr& to_;
  typename Ptr::pointer raw_ = nullptr;
};

}  // namespace billbroker
