#include "vault/keyring/secret_service_items.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "vault/keyring/async_call.h"
#include "vault/keyring/libsecret_warnings.h"
#include "vault/keyring/quiet_secret_service.h"

namespace billbroker {
namespace {

constexpr char kServiceInterface[] = "org.freedesktop.Secret.Service";
constexpr char kItemInterface[] = "org.freedesktop.Secret.Item";
constexpr char kPropertiesInterface[] = "org.freedesktop.DBus.Properties";
constexpr char kNoObject[] = "/";
constexpr char kPlain[] = "plain";
// The part of a probe's time that is left for the provider after the bus has answered.
constexpr double kProviderShare = 0.25;

GVariant* ToVariant(const ItemAttributes& attributes) {
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
  for (const auto& [key, value] : attributes) {
    g_variant_builder_add(&builder, "{ss}", key.c_str(), value.c_str());
  }
  return g_variant_builder_end(&builder);
}

GVariant* ToProperties(const ItemAttributes& attributes, const std::string& label) {
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a{sv}"));
  g_variant_builder_add(&builder, "{sv}", "org.freedesktop.Secret.Item.Label",
                        g_variant_new_string(label.c_str()));
  g_variant_builder_add(&builder, "{sv}", "org.freedesktop.Secret.Item.Attributes",
                        ToVariant(attributes));
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

// Adds the members of `paths` that belong to `collection`: a search covers every collection.
void AddPathsIn(const std::string& collection, GVariant* paths, std::vector<std::string>& in) {
  GVariantIter iterator;
  g_variant_iter_init(&iterator, paths);
  const char* path = nullptr;
  while (g_variant_iter_next(&iterator, "&o", &path)) {
    if (absl::StartsWith(path, absl::StrCat(collection, "/"))) in.emplace_back(path);
  }
}

// Returns element `index` of a tuple, an object path; empty for "/", which means none.
std::string PathIn(GVariant* tuple, gsize index) {
  const GVariantPtr element(g_variant_get_child_value(tuple, index));
  const absl::string_view path = g_variant_get_string(element.get(), nullptr);
  return path == kNoObject ? "" : std::string(path);
}

}  // namespace

SecretServiceItems::SecretServiceItems(bool allow_plain) : allow_plain_(allow_plain) {
  SilenceLibsecretWarnings();  // before the first call of libsecret
  bus_.SetOnClose([this] { session_.reset(); });
}

absl::Status SecretServiceItems::Probe(Deadline deadline) {
  if (absl::Status connected = Connect(deadline); !connected.ok()) return connected;
  const Deadline of_bus = deadline.Leaving(kProviderShare);
  if (absl::Status found = bus_.FindProvider(of_bus); !found.ok()) return found;
  if (absl::Status unlocked = UnlockedCollection(deadline).status(); !unlocked.ok()) {
    return unlocked;
  }
  return OpenSession(deadline);
}

absl::StatusOr<std::vector<std::string>> SecretServiceItems::Find(const ItemAttributes& attributes,
                                                                  Deadline deadline) {
  const absl::StatusOr<std::string> collection = UnlockedCollection(deadline);
  if (!collection.ok()) return collection.status();
  // Without a schema: a search by schema finds nothing in a locked keyring, without an error.
  const Reply found = Call(kSecretServicePath, kServiceInterface, "SearchItems",
                           g_variant_new("(@a{ss})", ToVariant(attributes)), "(aoao)", deadline);
  if (!found.ok()) return OfCollection(found.status());
  const absl::StatusOr<bool> locked = IsLocked(*collection, kSecretCollectionInterface, deadline);
  if (!locked.ok()) return OfCollection(locked.status());
  if (*locked) return VaultError(VaultState::kLocked, {.program = bus_.provider().program});
  paths_valid_ = true;
  std::vector<std::string> paths;
  for (const gsize index : {0, 1}) {
    const GVariantPtr group(g_variant_get_child_value(found->get(), index));
    AddPathsIn(*collection, group.get(), paths);
  }
  return paths;
}

absl::StatusOr<ItemAttributes> SecretServiceItems::ReadAttributes(const std::string& path,
                                                                  Deadline deadline) {
  const Reply value = Call(path, kPropertiesInterface, "Get",
                           g_variant_new("(ss)", kItemInterface, "Attributes"), "(v)", deadline);
  if (!value.ok()) return value.status();
  GVariantPtr inner;
  g_variant_get(value->get(), "(v)", static_cast<GVariant**>(Out(inner)));
  ItemAttributes attributes;
  if (!g_variant_is_of_type(inner.get(), G_VARIANT_TYPE("a{ss}"))) return attributes;
  GVariantIter iterator;
  g_variant_iter_init(&iterator, inner.get());
  const char* key = nullptr;
  const char* text = nullptr;
  while (g_variant_iter_next(&iterator, "{&s&s}", &key, &text)) attributes.emplace(key, text);
  return attributes;
}

absl::StatusOr<bool> SecretServiceItems::IsLocked(const std::string& path, const char* interface,
                                                  Deadline deadline) {
  const Reply value = Call(path, kPropertiesInterface, "Get",
                           g_variant_new("(ss)", interface, "Locked"), "(v)", deadline);
  if (!value.ok()) return value.status();
  GVariantPtr inner;
  g_variant_get(value->get(), "(v)", static_cast<GVariant**>(Out(inner)));
  // A lock state that is not a boolean is not a proof that the collection is unlocked.
  return !g_variant_is_of_type(inner.get(), G_VARIANT_TYPE_BOOLEAN) ||
         g_variant_get_boolean(inner.get()) != FALSE;
}

// By Item.GetSecret, because libsecret 0.20.5 leaks the answer to Service.GetSecrets.
absl::StatusOr<SecretString> SecretServiceItems::ReadSecret(const std::string& path,
                                                            Deadline deadline) {
  SecretValuePtr value;
  const Reply read = CallInSession(deadline, [&]() -> Reply {
    const char* session = secret_service_get_session_dbus_path(session_.get());
    Reply answer = Call(path, kItemInterface, "GetSecret", g_variant_new("(o)", session),
                        "((oayays))", deadline);
    if (!answer.ok()) return answer;
    const GVariantPtr encrypted(g_variant_get_child_value(answer->get(), 0));
    value.reset(secret_service_decode_dbus_secret(session_.get(), encrypted.get()));
    if (value != nullptr) return answer;
    return VaultError(VaultState::kFailing,
                      {"the Secret Service returned a secret that was encrypted for another client",
                       "restart the Secret Service"});
  });
  if (!read.ok()) return read.status();
  gsize size = 0;
  const char* bytes = secret_value_get(value.get(), &size);
  return SecretString::CopyOf({bytes, size});
}

absl::StatusOr<NewItem> SecretServiceItems::Create(const ItemAttributes& attributes,
                                                   const std::string& label,
                                                   const SecretString& secret, Deadline deadline) {
  const absl::StatusOr<std::string> collection = UnlockedCollection(deadline);
  if (!collection.ok()) return collection.status();
  const SecretValuePtr value = ToSecretValue(secret);
  constexpr gboolean kReplace = FALSE;  // an item that a search missed must not be overwritten
  const Reply created = CallInSession(deadline, [&] {
    GVariant* encrypted = secret_service_encode_dbus_secret(session_.get(), value.get());
    return Call(
        *collection, kSecretCollectionInterface, "CreateItem",
        g_variant_new("(@a{sv}@(oayays)b)", ToProperties(attributes, label), encrypted, kReplace),
        "(oo)", deadline);
  });
  if (!created.ok()) return OfCollection(created.status());
  // The signal comes before the answer.
  bus_.IgnoreChange(PathIn(created->get(), 0));
  return NewItem{PathIn(created->get(), 0), PathIn(created->get(), 1)};
}

absl::StatusOr<std::string> SecretServiceItems::Overwrite(const std::string& path,
                                                          const SecretString& secret,
                                                          Deadline deadline) {
  const SecretValuePtr value = ToSecretValue(secret);
  const Reply set = CallInSession(deadline, [&] {
    GVariant* encrypted = secret_service_encode_dbus_secret(session_.get(), value.get());
    return ChangeItem(path, "SetSecret", g_variant_new("(@(oayays))", encrypted), "()", deadline);
  });
  if (!set.ok()) return set.status();
  bus_.IgnoreChange(path);
  return std::string();
}

absl::StatusOr<std::string> SecretServiceItems::Remove(const std::string& path, Deadline deadline) {
  const Reply removed = ChangeItem(path, "Delete", nullptr, "(o)", deadline);
  if (!removed.ok()) return removed.status();
  bus_.IgnoreChange(path);
  std::string prompt = PathIn(removed->get(), 0);
  if (!prompt.empty()) removed_by_[prompt] = path;
  return prompt;
}

absl::Status SecretServiceItems::ShowPrompt(const std::string& prompt, OnPrompted prompted,
                                            Deadline deadline) {
  if (absl::Status connected = Connect(deadline); !connected.ok()) return connected;
  const auto note_own_change =
      [this, prompt, prompted = std::move(prompted)](const absl::StatusOr<std::string>& made) {
        const auto removed = removed_by_.extract(prompt);
        if (made.ok()) {
          // The signals of the change come before the end of the prompt.
          bus_.IgnoreChange(*made);
          if (!removed.empty()) bus_.IgnoreChange(removed.mapped());
        }
        prompted(made.status());
      };
  absl::Status shown = bus_.ShowPrompt(prompt, note_own_change, deadline);
  if (!shown.ok()) removed_by_.erase(prompt);
  return shown;
}

void SecretServiceItems::DismissPrompt(const std::string& prompt) {
  removed_by_.erase(prompt);
  bus_.DismissPrompt(prompt);
}

absl::StatusOr<std::string> SecretServiceItems::UnlockedCollection(Deadline deadline) {
  const Reply alias = Call(kSecretServicePath, kServiceInterface, "ReadAlias",
                           g_variant_new("(s)", "default"), "(o)", deadline);
  if (absl::IsNotFound(alias.status())) return bus_.NoProvider();
  if (!alias.ok()) return alias.status();
  const std::string collection = PathIn(alias->get(), 0);
  const VaultFinding of_provider = {.program = bus_.provider().program};
  if (collection.empty()) return VaultError(VaultState::kNoCollection, of_provider);
  // Always unlock: a keyring with an empty password reports locked until it is asked to unlock.
  const char* paths[] = {collection.c_str()};
  const Reply unlocked =
      Call(kSecretServicePath, kServiceInterface, "Unlock",
           g_variant_new("(@ao)", g_variant_new_objv(paths, 1)), "(aoo)", deadline);
  if (!unlocked.ok()) return OfCollection(unlocked.status());
  const std::string prompt = PathIn(unlocked->get(), 1);
  if (!prompt.empty()) {
    bus_.DismissPrompt(prompt);
    return VaultError(VaultState::kLocked, of_provider);
  }
  const GVariantPtr opened(g_variant_get_child_value(unlocked->get(), 0));
  if (g_variant_n_children(opened.get()) == 0) return VaultError(VaultState::kLocked, of_provider);
  return collection;
}

SecretServiceItems::Reply SecretServiceItems::Call(const std::string& path, const char* interface,
                                                   const char* method, GVariant* arguments,
                                                   const char* reply_type, Deadline deadline) {
  const GVariantPtr kept(arguments == nullptr ? nullptr : g_variant_ref_sink(arguments));
  if (absl::Status connected = Connect(deadline); !connected.ok()) return connected;
  return bus_.Call(path, interface, method, kept.get(), reply_type, deadline);
}

SecretServiceItems::Reply SecretServiceItems::ChangeItem(const std::string& path,
                                                         const char* method, GVariant* arguments,
                                                         const char* reply_type,
                                                         Deadline deadline) {
  const GVariantPtr kept(arguments == nullptr ? nullptr : g_variant_ref_sink(arguments));
  if (absl::Status connected = Connect(deadline); !connected.ok()) return connected;
  if (!paths_valid_) return absl::NotFoundError("the path is of another provider");
  return bus_.Call(path, kItemInterface, method, kept.get(), reply_type, deadline);
}

absl::Status SecretServiceItems::Connect(Deadline deadline) {
  if (absl::Status opened = bus_.Open(deadline); !opened.ok()) return opened;
  NoteOwner();
  return absl::OkStatus();
}

void SecretServiceItems::NoteOwner() {
  if (!bus_.TakeOwnerChanged()) return;
  provider_changed_ = true;
  paths_valid_ = false;
  removed_by_.clear();
  session_.reset();
}

SecretServiceItems::Reply SecretServiceItems::CallInSession(Deadline deadline,
                                                            absl::FunctionRef<Reply()> call) {
  for (bool again = false;; again = true) {
    const bool is_new = session_ == nullptr;
    if (absl::Status opened = OpenSession(deadline); !opened.ok()) return opened;
    Reply answer = call();
    const bool may_be_stale =
        VaultStateOf(answer.status()) == VaultState::kFailing || absl::IsNotFound(answer.status());
    if (answer.ok() || again || is_new || !may_be_stale) return answer;
    session_.reset();
  }
}

absl::Status SecretServiceItems::OpenSession(Deadline deadline) {
  if (absl::Status connected = Connect(deadline); !connected.ok()) return connected;
  if (session_ != nullptr) return absl::OkStatus();
  GErrorPtr error;
  AsyncCall call(deadline);
  secret_service_open(QuietSecretServiceType(), nullptr, SECRET_SERVICE_OPEN_SESSION,
                      call.cancellable(), AsyncCall::Done, &call);
  GObjectPtr<SecretService> opened(secret_service_open_finish(call.Wait(), Out(error)));
  if (error != nullptr) {
    const absl::Status why = bus_.Explain(*error);
    return absl::IsNotFound(why) ? bus_.NoProvider() : why;
  }
  const char* algorithms = secret_service_get_session_algorithms(opened.get());
  encryption_ = algorithms == nullptr ? "" : algorithms;
  if (encryption_ == kPlain && !allow_plain_) {
    return VaultError(VaultState::kNotEncrypted, {.program = bus_.provider().program});
  }
  session_ = std::move(opened);
  return absl::OkStatus();
}

KeyringChanges SecretServiceItems::TakeChanges() {
  NoteOwner();
  if (provider_changed_) ++takeovers_;
  const std::set<std::string> items = bus_.TakeChangedItems();
  return {std::exchange(provider_changed_, false), {items.begin(), items.end()}};
}

VaultProvider SecretServiceItems::provider() const {
  VaultProvider provider = bus_.provider();
  provider.encryption = encryption_;
  provider.takeovers = takeovers_;
  return provider;
}

}  // namespace billbroker
