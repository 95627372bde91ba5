// The properties of the stub Secret Service's objects.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/stub_secret_provider.h"

namespace billbroker {
namespace {

constexpr char kServicePath[] = "/org/freedesktop/secrets";
constexpr char kPrefix[] = "org.freedesktop.Secret.";

void AddProperty(GVariantBuilder& properties, const char* name, GVariant* value) {
  g_variant_builder_add(&properties, "{sv}", name, value);
}

std::string TextOf(GVariant* arguments, gsize index) {
  const GVariantPtr child(g_variant_get_child_value(arguments, index));
  return g_variant_get_string(child.get(), nullptr);
}

StubAnswer NoProperty(const std::string& name) {
  return {nullptr, stub_error::kInvalidArgs, absl::StrCat("no property ", name)};
}

}  // namespace

GVariantPtr StubSecretProvider::Properties(const std::string& path,
                                           const std::string& interface) const {
  GVariantBuilder properties;
  g_variant_builder_init(&properties, G_VARIANT_TYPE("a{sv}"));
  const std::string collection = items.Resolve(path);
  const StubItem* item = items.Find(path);
  std::vector<std::string> paths;
  if (interface == absl::StrCat(kPrefix, "Service") && path == kServicePath) {
    for (const auto& [known, _] : items.collections()) paths.push_back(known);
    AddProperty(properties, "Collections", StubPathsVariant(paths));
  } else if (interface == absl::StrCat(kPrefix, "Collection") && !collection.empty()) {
    for (const StubItem& found : Found({}, collection)) paths.push_back(found.path);
    AddProperty(properties, "Items", StubPathsVariant(paths));
    const std::string& label = items.collections().at(collection).label;
    AddProperty(properties, "Label", g_variant_new_string(label.c_str()));
    AddProperty(properties, "Locked", g_variant_new_boolean(items.IsLocked(path) ? TRUE : FALSE));
    AddProperty(properties, "Created", g_variant_new_uint64(1));
    AddProperty(properties, "Modified", g_variant_new_uint64(1));
  } else if (interface == absl::StrCat(kPrefix, "Item") && item != nullptr && !IsOmitted(path)) {
    AddProperty(properties, "Attributes", StubAttributesVariant(item->attributes));
    AddProperty(properties, "Label", g_variant_new_string(item->label.c_str()));
    AddProperty(properties, "Locked", g_variant_new_boolean(items.IsLocked(path) ? TRUE : FALSE));
    AddProperty(properties, "Created", g_variant_new_uint64(item->created));
    AddProperty(properties, "Modified", g_variant_new_uint64(item->modified));
  } else {
    g_variant_builder_clear(&properties);
    return nullptr;
  }
  return StubOwned(g_variant_builder_end(&properties));
}

StubAnswer StubSecretProvider::GetProperty(const std::string& path, GVariant* arguments) {
  const GVariantPtr properties = Properties(path, TextOf(arguments, 0));
  if (properties == nullptr) return Missing(path);
  const std::string name = TextOf(arguments, 1);
  const GVariantPtr value(g_variant_lookup_value(properties.get(), name.c_str(), nullptr));
  if (value == nullptr) return NoProperty(name);
  return {StubOwned(g_variant_new("(v)", value.get()))};
}

StubAnswer StubSecretProvider::GetAllProperties(const std::string& path, GVariant* arguments) {
  const GVariantPtr properties = Properties(path, TextOf(arguments, 0));
  if (properties == nullptr) return Missing(path);
  return {StubOwned(g_variant_new("(@a{sv})", properties.get()))};
}

StubAnswer StubSecretProvider::SetProperty(const std::string& path, GVariant* arguments) {
  StubAnswer refused = CheckItem(path);
  if (refused.body == nullptr) return refused;
  const std::string name = TextOf(arguments, 1);
  const GVariantPtr boxed(g_variant_get_child_value(arguments, 2));
  const GVariantPtr value(g_variant_get_variant(boxed.get()));
  StubItem item = *items.Find(path);
  if (name == "Label" && g_variant_is_of_type(value.get(), G_VARIANT_TYPE_STRING)) {
    item.label = g_variant_get_string(value.get(), nullptr);
  } else if (name == "Attributes" && g_variant_is_of_type(value.get(), G_VARIANT_TYPE("a{ss}"))) {
    item.attributes = StubAttributesFrom(value.get());
  } else {
    return NoProperty(name);
  }
  items.Change(item);
  return refused;
}

}  // namespace billbroker
