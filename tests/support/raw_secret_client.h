// RawSecretClient: a client of the Secret Service without any logic of its own.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tests/support/private_bus.h"
#include "tests/support/stub_secret_items.h"
#include "tests/support/stub_secret_variants.h"
#include "vault/keyring/glib_ptr.h"

namespace billbroker {

// Used on one thread, whose default main context receives the signals; Call() and the methods that
// use it are thread-safe.
class RawSecretClient final {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(30);
  struct Result {
    GVariantPtr body;
    std::string error;  // the D-Bus name; empty if there was no answer in time
  };

  explicit RawSecretClient(const PrivateBus& bus) {
    constexpr auto kFlags =
        static_cast<GDBusConnectionFlags>(G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                          G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION);
    connection_.reset(g_dbus_connection_new_for_address_sync(bus.address().c_str(), kFlags, nullptr,
                                                             nullptr, nullptr));
    // Signals arrive on the context of the thread that subscribes: the test's.
    subscription_ = g_dbus_connection_signal_subscribe(
        connection_.get(), nullptr, nullptr, nullptr, nullptr, nullptr, G_DBUS_SIGNAL_FLAGS_NONE,
        [](GDBusConnection*, const char*, const char*, const char*, const char* name, GVariant*,
           gpointer self) { static_cast<RawSecretClient*>(self)->signals_.emplace_back(name); },
        this, nullptr);
  }
  ~RawSecretClient() {
    g_dbus_connection_signal_unsubscribe(connection_.get(), subscription_);
    g_dbus_connection_close_sync(connection_.get(), nullptr, nullptr);
  }
  RawSecretClient(const RawSecretClient&) = delete;
  RawSecretClient& operator=(const RawSecretClient&) = delete;

  Result Call(const std::string& path, const std::string& method, GVariant* arguments,
              absl::Duration timeout = kPatience) const {
    const std::string::size_type dot = method.find('.');
    const std::string interface = method.substr(0, dot);
    GErrorPtr error;
    Result result;
    result.body.reset(g_dbus_connection_call_sync(
        connection_.get(), "org.freedesktop.secrets", path.c_str(),
        absl::StrCat(
            interface == "Properties" ? "org.freedesktop.DBus." : "org.freedesktop.Secret.",
            interface)
            .c_str(),
        method.substr(dot + 1).c_str(), arguments, nullptr, G_DBUS_CALL_FLAGS_NO_AUTO_START,
        static_cast<int>(absl::ToInt64Milliseconds(timeout)), nullptr, Out(error)));
    const bool is_remote = error != nullptr && g_dbus_error_is_remote_error(error.get()) != FALSE;
    if (is_remote) result.error = GCharPtr(g_dbus_error_get_remote_error(error.get())).get();
    return result;
  }

  std::string OpenSession() const {
    const Result opened = Call("/org/freedesktop/secrets", "Service.OpenSession",
                               g_variant_new("(sv)", "plain", g_variant_new_string("")));
    return opened.body == nullptr ? "" : Paths(opened).at(0);
  }
  Result Search(const StubAttributes& attributes, absl::Duration timeout = kPatience) const {
    return Call("/org/freedesktop/secrets", "Service.SearchItems",
                g_variant_new("(@a{ss})", StubAttributesVariant(attributes)), timeout);
  }
  Result SetSecret(const std::string& session, const std::string& item, const std::string& secret,
                   absl::Duration timeout = kPatience) const {
    GVariant* value = StubSecretVariant({session, {"", secret}, "text/plain"});
    return Call(item, "Item.SetSecret", g_variant_new("(@(oayays))", value), timeout);
  }
  std::string GetSecret(const std::string& session, const std::string& item) const {
    const Result got = Call(item, "Item.GetSecret", g_variant_new("(o)", session.c_str()));
    if (got.body == nullptr) return got.error;
    const GVariantPtr secret(g_variant_get_child_value(got.body.get(), 0));
    return StubSecretFrom(secret.get()).sealed.value;
  }

  // Returns the paths in an answer.
  static std::vector<std::string> Paths(const Result& result) {
    std::vector<std::string> paths;
    std::vector<StubAttributes> attributes;
    if (result.body != nullptr) StubCollect(result.body.get(), paths, attributes);
    return paths;
  }

  // Returns the names of the signals since the last call.
  std::vector<std::string> TakeSignals() {
    while (g_main_context_iteration(nullptr, FALSE) != FALSE) {
    }
    return std::exchange(signals_, {});
  }

 private:
  GObjectPtr<GDBusConnection> connection_;
  guint subscription_;
  std::vector<std::string> signals_;
};

}  // namespace billbroker
