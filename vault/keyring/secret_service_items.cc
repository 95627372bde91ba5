#include "vault/keyring/secret_service_items.h"

#include <sys/stat.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "vault/keyring/async_call.h"
#include "vault/keyring/quiet_secret_service.h"

namespace billbroker {
namespace {

constexpr char kCollectionInterface[] = "org.freedesktop.Secret.Collection";
constexpr char kItemInterface[] = "org.freedesktop.Secret.Item";
constexpr absl::Duration kCloseTime = absl::Milliseconds(250);

// The error domain of a session that the provider does not have (any more). libsecret strips the
// names of D-Bus errors that have no domain, so they could not be distinguished.
GQuark NoSessionQuark() { return g_quark_from_static_string("billbroker-no-session"); }

// Without an address GIO would try to launch a bus for the X display, which a daemon must not do.
bool EnvironmentNamesABus() {
  const char* address = std::getenv("DBUS_SESSION_BUS_ADDRESS");
  if (address != nullptr && *address != '\0') return true;
  const char* runtime_dir = std::getenv("XDG_RUNTIME_DIR");
  struct stat found {};
  return runtime_dir != nullptr && stat(absl::StrCat(runtime_dir, "/bus").c_str(), &found) == 0;
}

GHashTablePtr ToTable(const ItemAttributes& attributes) {
  GHashTablePtr table(g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free));
  for (const auto& [key, value] : attributes) {
    g_hash_table_insert(table.get(), g_strdup(key.c_str()), g_strdup(value.c_str()));
  }
  return table;
}

GVariant* ToVariant(const ItemAttributes& attributes) {
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
  for (const auto& [key, value] : attributes) {
    g_variant_builder_add(&builder, "{ss}", key.c_str(), value.c_str());
  }
  return g_variant_builder_end(&builder);
}

SecretValuePtr ToSecretValue(const SecretString& secret) {
  return SecretValuePtr(secret_value_new(secret.Reveal().data(), static_cast<gssize>(secret.size()),
                                         "application/json"));
}

// If the item is the keyring itself, kNotFound means that there is no default keyring (any more).
absl::Status OfCollection(const absl::Status& status) {
  return absl::IsNotFound(status) ? VaultError(VaultState::kNoCollection) : status;
}

// Returns the members of `paths` that belong to `collection`: a search covers every collection.
std::vector<std::string> PathsIn(const std::string& collection, char** paths) {
  std::vector<std::string> in;
  for (char** path = paths; path != nullptr && *path != nullptr; ++path) {
    if (absl::StartsWith(*path, absl::StrCat(collection, "/"))) in.emplace_back(*path);
  }
  return in;
}

}  // namespace

SecretServiceItems::SecretServiceItems() {
  // A repeated registration has no effect.
  g_dbus_error_register_error(NoSessionQuark(), 0, "org.freedesktop.Secret.Error.NoSession");
}

SecretServiceItems::~SecretServiceItems() { Close(); }

VaultState SecretServiceItems::Probe(Deadline deadline) {
  return VaultStateOf(UnlockedCollection(deadline).status());
}

absl::StatusOr<std::vector<std::string>> SecretServiceItems::Find(const ItemAttributes& attributes,
                                                                  Deadline deadline) {
  const absl::StatusOr<std::string> collection = UnlockedCollection(deadline);
  if (!collection.ok()) return collection.status();
  const GHashTablePtr table = ToTable(attributes);
  GStrvPtr unlocked;
  GStrvPtr locked;
  const absl::Status searched = Try(deadline, [&] {
    GErrorPtr error;
    AsyncCall call(deadline);
    // Without a schema: a search by schema finds nothing in a locked keyring, without an error.
    secret_service_search_for_dbus_paths(service_.get(), nullptr, table.get(), call.cancellable(),
                                         AsyncCall::Done, &call);
    secret_service_search_for_dbus_paths_finish(service_.get(), call.Wait(), Out(unlocked),
                                                Out(locked), Out(error));
    return error;
  });
  if (!searched.ok()) return OfCollection(searched);
  const absl::StatusOr<GVariantPtr> still_locked =
      Property(*collection, kCollectionInterface, "Locked", deadline);
  if (!still_locked.ok()) return OfCollection(still_locked.status());
  if (!g_variant_is_of_type(still_locked->get(), G_VARIANT_TYPE_BOOLEAN) ||
      g_variant_get_boolean(still_locked->get()) || !PathsIn(*collection, locked.get()).empty()) {
    return VaultError(VaultState::kLocked);
  }
  return PathsIn(*collection, unlocked.get());
}

absl::StatusOr<ItemAttributes> SecretServiceItems::ReadAttributes(const std::string& path,
                                                                  Deadline deadline) {
  const absl::StatusOr<GVariantPtr> value = Property(path, kItemInterface, "Attributes", deadline);
  if (!value.ok()) return value.status();
  ItemAttributes attributes;
  if (!g_variant_is_of_type(value->get(), G_VARIANT_TYPE("a{ss}"))) return attributes;
  GVariantIter iterator;
  g_variant_iter_init(&iterator, value->get());
  const char* key = nullptr;
  const char* text = nullptr;
  while (g_variant_iter_next(&iterator, "{&s&s}", &key, &text)) attributes.emplace(key, text);
  return attributes;
}

absl::StatusOr<SecretString> SecretServiceItems::ReadSecret(const std::string& path,
                                                            Deadline deadline) {
  SecretValuePtr value;
  const absl::Status read = Try(deadline, [&] {
    GErrorPtr error;
    AsyncCall call(deadline);
    secret_service_get_secret_for_dbus_path(service_.get(), path.c_str(), call.cancellable(),
                                            AsyncCall::Done, &call);
    value.reset(
        secret_service_get_secret_for_dbus_path_finish(service_.get(), call.Wait(), Out(error)));
    return error;
  });
  if (!read.ok()) return read;
  if (value == nullptr) {  // left out of the answer: locked meanwhile, or removed
    const absl::StatusOr<std::string> collection = UnlockedCollection(deadline);
    if (!collection.ok()) return collection.status();
    return absl::NotFoundError("no such item");
  }
  gsize size = 0;
  const char* bytes = secret_value_get(value.get(), &size);
  return SecretString::CopyOf({bytes, size});
}

absl::Status SecretServiceItems::Create(const ItemAttributes& attributes, const std::string& label,
                                        const SecretString& secret, Deadline deadline) {
  const absl::StatusOr<std::string> collection = UnlockedCollection(deadline);
  if (!collection.ok()) return collection.status();
  const GHashTablePtr properties(g_hash_table_new_full(
      g_str_hash, g_str_equal, nullptr,
      [](gpointer value) { g_variant_unref(static_cast<GVariant*>(value)); }));
  const auto set = [&](const char* name, GVariant* value) {
    g_hash_table_insert(properties.get(), const_cast<char*>(name), g_variant_ref_sink(value));
  };
  set("org.freedesktop.Secret.Item.Label", g_variant_new_string(label.c_str()));
  set("org.freedesktop.Secret.Item.Attributes", ToVariant(attributes));
  const SecretValuePtr value = ToSecretValue(secret);
  return Try(deadline, [&] {
    GErrorPtr error;
    AsyncCall call(deadline);
    secret_service_create_item_dbus_path(service_.get(), collection->c_str(), properties.get(),
                                         value.get(), SECRET_ITEM_CREATE_REPLACE,
                                         call.cancellable(), AsyncCall::Done, &call);
    const GCharPtr path(
        secret_service_create_item_dbus_path_finish(service_.get(), call.Wait(), Out(error)));
    if (path != nullptr) changed_.erase(path.get());
    return error;
  });
}

absl::Status SecretServiceItems::Overwrite(const std::string& path, const SecretString& secret,
                                           Deadline deadline) {
  const SecretValuePtr value = ToSecretValue(secret);
  return Try(deadline, [&] {
    GErrorPtr error;
    GVariant* encrypted = secret_service_encode_dbus_secret(service_.get(), value.get());
    CallItem(path, kItemInterface, "SetSecret", g_variant_new("(@(oayays))", encrypted), deadline,
             error);
    // The signal comes before the answer.
    if (error == nullptr) changed_.erase(path);
    return error;
  });
}

absl::Status SecretServiceItems::Remove(const std::string& path, Deadline deadline) {
  return Try(deadline, [&] {
    GErrorPtr error;
    AsyncCall call(deadline);
    secret_service_delete_item_dbus_path(service_.get(), path.c_str(), call.cancellable(),
                                         AsyncCall::Done, &call);
    secret_service_delete_item_dbus_path_finish(service_.get(), call.Wait(), Out(error));
    if (error == nullptr) changed_.erase(path);
    return error;
  });
}

absl::StatusOr<std::string> SecretServiceItems::UnlockedCollection(Deadline deadline) {
  GCharPtr collection;
  const absl::Status found = Try(deadline, [&] {
    GErrorPtr error;
    AsyncCall call(deadline);
    secret_service_read_alias_dbus_path(service_.get(), "default", call.cancellable(),
                                        AsyncCall::Done, &call);
    collection.reset(
        secret_service_read_alias_dbus_path_finish(service_.get(), call.Wait(), Out(error)));
    return error;
  });
  if (!found.ok()) return OfCollection(found);
  if (collection == nullptr) return VaultError(VaultState::kNoCollection);
  // Always unlock: a keyring with an empty password reports locked until it is asked to unlock.
  GStrvPtr unlocked;
  const absl::Status status = Try(deadline, [&] {
    GErrorPtr error;
    AsyncCall call(deadline);
    const char* paths[] = {collection.get(), nullptr};
    secret_service_unlock_dbus_paths(service_.get(), paths, call.cancellable(), AsyncCall::Done,
                                     &call);
    secret_service_unlock_dbus_paths_finish(service_.get(), call.Wait(), Out(unlocked), Out(error));
    return error;
  });
  if (!status.ok()) return OfCollection(status);
  if (unlocked == nullptr || *unlocked == nullptr) return VaultError(VaultState::kLocked);
  return std::string(collection.get());
}

absl::StatusOr<GVariantPtr> SecretServiceItems::Property(const std::string& path,
                                                         const char* interface, const char* name,
                                                         Deadline deadline) {
  GVariantPtr value;
  const absl::Status read = Try(deadline, [&] {
    GErrorPtr error;
    const GVariantPtr answer = CallItem(path, "org.freedesktop.DBus.Properties", "Get",
                                        g_variant_new("(ss)", interface, name), deadline, error);
    if (answer != nullptr && g_variant_is_of_type(answer.get(), G_VARIANT_TYPE("(v)"))) {
      g_variant_get(answer.get(), "(v)", static_cast<GVariant**>(Out(value)));
    }
    return error;
  });
  if (!read.ok()) return read;
  if (value == nullptr) return VaultError(VaultState::kNoProvider);
  return value;
}

GVariantPtr SecretServiceItems::CallItem(const std::string& path, const char* interface,
                                         const char* method, GVariant* arguments, Deadline deadline,
                                         GErrorPtr& error) {
  AsyncCall call(deadline);
  g_dbus_connection_call(bus_.get(), g_dbus_proxy_get_name(G_DBUS_PROXY(service_.get())),
                         path.c_str(), interface, method, arguments, nullptr,
                         G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, call.cancellable(), AsyncCall::Done,
                         &call);
  return GVariantPtr(g_dbus_connection_call_finish(bus_.get(), call.Wait(), Out(error)));
}

absl::Status SecretServiceItems::Try(Deadline deadline, absl::FunctionRef<GErrorPtr()> call) {
  for (bool again = false;; again = true) {
    const absl::Status opened = Open(deadline);
    if (!opened.ok()) return opened;
    const GErrorPtr error = call();
    if (error == nullptr) return absl::OkStatus();
    if (again || error->domain != NoSessionQuark()) return Explain(*error);
    service_.reset();
  }
}

absl::Status SecretServiceItems::Open(Deadline deadline) {
  if (bus_ != nullptr && g_dbus_connection_is_closed(bus_.get())) Close();
  if (service_ != nullptr) return absl::OkStatus();
  if (bus_ == nullptr) {
    const absl::Status opened = OpenBus(deadline);
    if (!opened.ok()) return opened;
  }
  GErrorPtr error;
  AsyncCall call(deadline);
  secret_service_open(QuietSecretServiceType(), nullptr, SECRET_SERVICE_OPEN_SESSION,
                      call.cancellable(), AsyncCall::Done, &call);
  service_.reset(secret_service_open_finish(call.Wait(), Out(error)));
  if (error == nullptr) return absl::OkStatus();
  const absl::Status why = Explain(*error);
  return absl::IsNotFound(why) ? VaultError(VaultState::kNoProvider) : why;
}

absl::Status SecretServiceItems::OpenBus(Deadline deadline) {
  if (!EnvironmentNamesABus()) return VaultError(VaultState::kNoBus);
  GErrorPtr error;
  {
    AsyncCall call(deadline);
    g_bus_get(G_BUS_TYPE_SESSION, call.cancellable(), AsyncCall::Done, &call);
    bus_.reset(g_bus_get_finish(call.Wait(), Out(error)));
  }
  if (error != nullptr) {
    const bool cancelled = g_error_matches(error.get(), G_IO_ERROR, G_IO_ERROR_CANCELLED);
    return VaultError(cancelled ? VaultState::kTimedOut : VaultState::kNoBus);
  }
  // By default the loss of the bus would end the process.
  g_dbus_connection_set_exit_on_close(bus_.get(), FALSE);
  if (g_dbus_connection_is_closed(bus_.get())) {
    Close();
    return VaultError(VaultState::kNoBus);
  }
  Listen();
  return absl::OkStatus();
}

// Some providers, such as gnome-keyring, report a replaced item as created.
void SecretServiceItems::Listen() {
  subscription_ = g_dbus_connection_signal_subscribe(
      bus_.get(), "org.freedesktop.secrets", kCollectionInterface, nullptr, nullptr, nullptr,
      G_DBUS_SIGNAL_FLAGS_NONE, &SecretServiceItems::OnItemSignal, this, nullptr);
}

void SecretServiceItems::OnItemSignal(GDBusConnection* /*bus*/, const char* /*sender*/,
                                      const char* /*path*/, const char* /*interface*/,
                                      const char* /*signal*/, GVariant* parameters, gpointer self) {
  if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(o)"))) return;
  const char* item = nullptr;
  g_variant_get(parameters, "(&o)", &item);
  static_cast<SecretServiceItems*>(self)->changed_.emplace(item);
}

std::set<std::string> SecretServiceItems::TakeChanged() { return std::exchange(changed_, {}); }

// GIO shares one connection among all users of the session bus, even a closed one, until the last
// reference is released. Some references are released when the main context runs.
void SecretServiceItems::Close() {
  if (bus_ == nullptr) return;
  if (subscription_ != 0) g_dbus_connection_signal_unsubscribe(bus_.get(), subscription_);
  subscription_ = 0;
  GWeakRef connection;
  g_weak_ref_init(&connection, bus_.get());
  service_.reset();
  bus_.reset();
  GMainContext* context = g_main_context_get_thread_default();
  const Deadline deadline = Deadline::After(kCloseTime);
  while (deadline.Remaining() > absl::ZeroDuration()) {
    while (g_main_context_iteration(context, FALSE)) {
    }
    const GObjectPtr<GObject> held(static_cast<GObject*>(g_weak_ref_get(&connection)));
    if (held == nullptr) break;
    g_thread_yield();
  }
  g_weak_ref_clear(&connection);
}

absl::Status SecretServiceItems::Explain(const GError& error) const {
  if (error.domain == PromptNeededQuark() ||
      g_error_matches(&error, SECRET_ERROR, SECRET_ERROR_IS_LOCKED)) {
    return VaultError(VaultState::kLocked);
  }
  if (g_error_matches(&error, SECRET_ERROR, SECRET_ERROR_NO_SUCH_OBJECT) ||
      g_error_matches(&error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD) ||
      g_error_matches(&error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT)) {
    return absl::NotFoundError("no such item");
  }
  if (bus_ == nullptr || g_dbus_connection_is_closed(bus_.get())) {
    return VaultError(VaultState::kNoBus);
  }
  if (g_error_matches(&error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
      g_error_matches(&error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
    return VaultError(VaultState::kTimedOut);
  }
  // The name has no owner, its owner died before it answered, or its answer is not valid.
  return VaultError(VaultState::kNoProvider);
}

}  // namespace billbroker
