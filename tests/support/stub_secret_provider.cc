#include "tests/support/stub_secret_provider.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

constexpr char kEncrypted[] = "dh-ietf1024-sha256-aes128-cbc-pkcs7";
constexpr char kNoPrompt[] = "/";

StubAnswer Ok(GVariant* body) { return {StubOwned(body)}; }
StubAnswer Fail(const std::string& error, const std::string& message) {
  return {nullptr, error, message};
}
StubAnswer Empty() { return Ok(g_variant_new("()")); }

GVariantPtr Child(GVariant* tuple, gsize index) {
  return GVariantPtr(g_variant_get_child_value(tuple, index));
}

std::string Text(GVariant* tuple, gsize index) {
  return g_variant_get_string(Child(tuple, index).get(), nullptr);
}

std::vector<std::string> Paths(const std::vector<StubItem>& items) {
  std::vector<std::string> paths;
  for (const StubItem& item : items) paths.push_back(item.path);
  return paths;
}

}  // namespace

StubBehaviour StubBehaviour::KeePassXc() {
  StubBehaviour behaviour;
  behaviour.collection = "Passwords";
  behaviour.missing_object_error = stub_error::kUnknownObject;
  behaviour.prompts_for_changes = true;
  behaviour.reports_replaced_as_created = false;
  behaviour.hides_locked_items = true;
  return behaviour;
}

StubBehaviour StubBehaviour::KWallet() {
  StubBehaviour behaviour;
  behaviour.collection = "kdewallet";
  behaviour.stale_session_error = stub_error::kUnknownObject;
  behaviour.missing_object_error = stub_error::kUnknownObject;
  behaviour.reports_replaced_as_created = false;
  return behaviour;
}

struct StubSecretProvider::Method {
  const char* signature;
  Handler handler;
};

const StubSecretProvider::Method* StubSecretProvider::FindMethod(const std::string& name) {
  using Self = StubSecretProvider;
  static const std::map<std::string, Method> methods = {
      {"Service.OpenSession", {"(sv)", &Self::OpenSession}},
      {"Service.CreateCollection", {"(a{sv}s)", &Self::CreateCollection}},
      {"Service.SearchItems", {"(a{ss})", &Self::SearchService}},
      {"Service.Unlock", {"(ao)", &Self::Unlock}},
      {"Service.Lock", {"(ao)", &Self::Lock}},
      {"Service.GetSecrets", {"(aoo)", &Self::GetSecrets}},
      {"Service.ReadAlias", {"(s)", &Self::ReadAlias}},
      {"Service.SetAlias", {"(so)", &Self::SetAlias}},
      {"Session.Close", {"()", &Self::CloseSession}},
      {"Collection.Delete", {"()", &Self::DeleteCollection}},
      {"Collection.SearchItems", {"(a{ss})", &Self::SearchCollection}},
      {"Collection.CreateItem", {"(a{sv}(oayays)b)", &Self::CreateItem}},
      {"Item.Delete", {"()", &Self::DeleteItem}},
      {"Item.GetSecret", {"(o)", &Self::GetSecret}},
      {"Item.SetSecret", {"((oayays))", &Self::SetSecret}},
      {"Properties.Get", {"(ss)", &Self::GetProperty}},
      {"Properties.GetAll", {"(s)", &Self::GetAllProperties}},
      {"Properties.Set", {"(ssv)", &Self::SetProperty}}};
  const auto found = methods.find(name);
  return found == methods.end() ? nullptr : &found->second;
}

StubAnswer StubSecretProvider::Execute(const StubCall& call, GVariant* arguments) {
  const Method* method = FindMethod(call.method);
  if (method == nullptr) return Fail(stub_error::kUnknownMethod, call.method);
  if (!g_variant_is_of_type(arguments, G_VARIANT_TYPE(method->signature))) {
    return Fail(stub_error::kInvalidArgs, absl::StrCat(call.method, " takes ", method->signature));
  }
  const bool is_of_collection = absl::StartsWith(call.method, "Collection.");
  if (is_of_collection && items.Resolve(call.path).empty()) return Missing(call.path);
  return (this->*method->handler)(call.path, arguments);
}

StubAnswer StubSecretProvider::OpenSession(const std::string& /*path*/, GVariant* arguments) {
  const std::string algorithm = Text(arguments, 0);
  const GVariantPtr input(g_variant_get_variant(Child(arguments, 1).get()));
  if (algorithm == "plain") {
    const std::string session = sessions.Add(StubSecretSession());
    return Ok(g_variant_new("(vo)", g_variant_new_string(""), session.c_str()));
  }
  if (algorithm != kEncrypted || behaviour.plain_only) {
    return Fail(stub_error::kNotSupported, algorithm);
  }
  if (!g_variant_is_of_type(input.get(), G_VARIANT_TYPE("ay"))) {
    return Fail(stub_error::kInvalidArgs, "the public key is not of type ay");
  }
  std::string own_key;
  std::optional<StubSecretSession> agreed =
      StubSecretSession::Agree(StubBytesFrom(input.get()), own_key);
  if (!agreed) return Fail(stub_error::kInvalidArgs, "the public key is not valid");
  const std::string session = sessions.Add(*std::move(agreed));
  return Ok(g_variant_new("(vo)", StubBytesVariant(own_key), session.c_str()));
}

StubAnswer StubSecretProvider::CloseSession(const std::string& path, GVariant* /*arguments*/) {
  StubAnswer refused = CheckSession(path);
  if (refused.body == nullptr) return refused;
  sessions.Close(path);
  return refused;
}

StubAnswer StubSecretProvider::SearchService(const std::string& /*path*/, GVariant* arguments) {
  std::vector<std::string> unlocked;
  std::vector<std::string> locked;
  for (const StubItem& item : Found(StubAttributesFrom(Child(arguments, 0).get()), "")) {
    (items.IsLocked(item.path) ? locked : unlocked).push_back(item.path);
  }
  return Ok(g_variant_new("(@ao@ao)", StubPathsVariant(unlocked), StubPathsVariant(locked)));
}

StubAnswer StubSecretProvider::Unlock(const std::string& /*path*/, GVariant* arguments) {
  std::vector<std::string> unlocked;
  for (const std::string& path : StubPathsFrom(Child(arguments, 0).get())) {
    const bool exists = items.Find(path) != nullptr || !items.Resolve(path).empty();
    if (!exists) continue;
    if (items.LockOf(path) == StubLock::kNeedsPerson && !person_agrees) continue;
    if (items.IsLocked(path)) items.Unlock(path);
    unlocked.push_back(path);
  }
  return Ok(g_variant_new("(@aoo)", StubPathsVariant(unlocked), kNoPrompt));
}

StubAnswer StubSecretProvider::Lock(const std::string& /*path*/, GVariant* arguments) {
  const std::vector<std::string> paths = StubPathsFrom(Child(arguments, 0).get());
  for (const std::string& path : paths) {
    if (!path.empty()) items.Lock(path, StubLock::kNeedsPerson);
  }
  return Ok(g_variant_new("(@aoo)", StubPathsVariant(paths), kNoPrompt));
}

StubAnswer StubSecretProvider::GetSecrets(const std::string& /*path*/, GVariant* arguments) {
  const std::string session = Text(arguments, 1);
  StubAnswer refused = CheckSession(session);
  if (refused.body == nullptr) return refused;
  GVariantBuilder secrets;
  g_variant_builder_init(&secrets, G_VARIANT_TYPE("a{o(oayays)}"));
  for (const std::string& path : StubPathsFrom(Child(arguments, 0).get())) {
    const StubItem* item = items.Find(path);
    if (item == nullptr || IsOmitted(path) || items.IsLocked(path)) continue;
    g_variant_builder_add(&secrets, "{o@(oayays)}", path.c_str(), Sealed(*item, session));
  }
  return Ok(g_variant_new("(a{o(oayays)})", &secrets));
}

StubAnswer StubSecretProvider::ReadAlias(const std::string& /*path*/, GVariant* arguments) {
  return Ok(g_variant_new("(o)", items.ReadAlias(Text(arguments, 0)).c_str()));
}

StubAnswer StubSecretProvider::SetAlias(const std::string& /*path*/, GVariant* arguments) {
  const std::string collection = Text(arguments, 1);
  if (collection != "/" && items.Resolve(collection).empty()) return Missing(collection);
  items.SetAlias(Text(arguments, 0), collection);
  return Empty();
}

StubAnswer StubSecretProvider::CreateCollection(const std::string& /*path*/, GVariant* arguments) {
  const std::string name = absl::StrCat("created", items.collections().size());
  const std::string path = items.AddCollection(name, Text(arguments, 1));
  return Ok(g_variant_new("(oo)", path.c_str(), kNoPrompt));
}

StubAnswer StubSecretProvider::DeleteCollection(const std::string& path, GVariant* /*arguments*/) {
  items.RemoveCollection(path);
  return Ok(g_variant_new("(o)", kNoPrompt));
}

StubAnswer StubSecretProvider::SearchCollection(const std::string& path, GVariant* arguments) {
  const StubAttributes attributes = StubAttributesFrom(Child(arguments, 0).get());
  return Ok(g_variant_new("(@ao)", StubPathsVariant(Paths(Found(attributes, path)))));
}

StubAnswer StubSecretProvider::CreateItem(const std::string& path, GVariant* arguments) {
  if (items.IsLocked(path)) return Fail(stub_error::kIsLocked, path);
  const GVariantPtr properties = Child(arguments, 0);
  StubItem item;
  const GVariantPtr attributes(g_variant_lookup_value(
      properties.get(), "org.freedesktop.Secret.Item.Attributes", G_VARIANT_TYPE("a{ss}")));
  if (attributes != nullptr) item.attributes = StubAttributesFrom(attributes.get());
  const GVariantPtr label(g_variant_lookup_value(
      properties.get(), "org.freedesktop.Secret.Item.Label", G_VARIANT_TYPE_STRING));
  if (label != nullptr) item.label = g_variant_get_string(label.get(), nullptr);
  StubAnswer refused = Unseal(Child(arguments, 1).get(), item);
  if (refused.body == nullptr) return refused;
  const bool replaces = g_variant_get_boolean(Child(arguments, 2).get()) != 0;
  const std::vector<StubItem> similar = items.Search(item.attributes, path);
  const auto same = std::find_if(similar.begin(), similar.end(), [&](const StubItem& other) {
    return other.attributes == item.attributes;
  });
  if (replaces && same != similar.end()) {
    item.path = same->path;
    item.created = same->created;
    items.Change(item, behaviour.reports_replaced_as_created);
  } else {
    item.path = items.Add(path, item);
  }
  return Ok(g_variant_new("(oo)", item.path.c_str(), kNoPrompt));
}

StubAnswer StubSecretProvider::DeleteItem(const std::string& path, GVariant* /*arguments*/) {
  StubAnswer refused = CheckItem(path);
  if (refused.body == nullptr) return refused;
  items.Remove(path);
  return Ok(g_variant_new("(o)", kNoPrompt));
}

StubAnswer StubSecretProvider::GetSecret(const std::string& path, GVariant* arguments) {
  StubAnswer refused = CheckItem(path);
  if (refused.body != nullptr) refused = CheckSession(Text(arguments, 0));
  if (refused.body == nullptr) return refused;
  return Ok(g_variant_new("(@(oayays))", Sealed(*items.Find(path), Text(arguments, 0))));
}

StubAnswer StubSecretProvider::SetSecret(const std::string& path, GVariant* arguments) {
  StubAnswer refused = CheckItem(path);
  if (refused.body == nullptr) return refused;
  StubItem item = *items.Find(path);
  refused = Unseal(Child(arguments, 0).get(), item);
  if (refused.body == nullptr) return refused;
  items.Change(item);
  return refused;
}

StubAnswer StubSecretProvider::CheckItem(const std::string& path) const {
  if (items.Find(path) == nullptr || IsOmitted(path)) return Missing(path);
  return items.IsLocked(path) ? Fail(stub_error::kIsLocked, path) : Empty();
}

StubAnswer StubSecretProvider::CheckSession(const std::string& session) const {
  if (sessions.Find(session) != nullptr) return Empty();
  return Fail(behaviour.stale_session_error, "the session does not exist");
}

StubAnswer StubSecretProvider::Missing(const std::string& path) const {
  return Fail(behaviour.missing_object_error, absl::StrCat(path, " does not exist"));
}

std::vector<StubItem> StubSecretProvider::Found(const StubAttributes& attributes,
                                                const std::string& collection) const {
  std::vector<StubItem> found = items.Search(attributes, collection);
  const auto is_hidden = [&](const StubItem& item) {
    return IsOmitted(item.path) || (behaviour.hides_locked_items && items.IsLocked(item.path));
  };
  found.erase(std::remove_if(found.begin(), found.end(), is_hidden), found.end());
  return found;
}

bool StubSecretProvider::IsOmitted(const std::string& path) const {
  return std::count(omitted.begin(), omitted.end(), path) != 0;
}

GVariant* StubSecretProvider::Sealed(const StubItem& item, const std::string& session) const {
  StubSecret secret{session, sessions.Find(session)->Seal(item.secret), item.content_type};
  if (item.damaged && !secret.sealed.value.empty()) secret.sealed.value.back() ^= 1;
  return StubSecretVariant(secret);
}

StubAnswer StubSecretProvider::Unseal(GVariant* secret, StubItem& item) const {
  const StubSecret received = StubSecretFrom(secret);
  StubAnswer refused = CheckSession(received.session);
  if (refused.body == nullptr) return refused;
  const std::optional<std::string> opened = sessions.Find(received.session)->Open(received.sealed);
  if (!opened) return Fail(stub_error::kInvalidArgs, "the secret is not encrypted as agreed");
  item.secret = *opened;
  item.damaged = false;
  item.content_type = received.content_type;
  return refused;
}

}  // namespace billbroker
