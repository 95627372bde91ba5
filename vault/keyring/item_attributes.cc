#include "vault/keyring/item_attributes.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "vault/credential.h"

namespace billbroker {
namespace {

constexpr char kNameAttribute[] = "credential";

ItemAttributes AttributesOf(absl::string_view instance, absl::string_view kind) {
  return {{"application", "billbroker"},
          {"instance", std::string(instance)},
          {"kind", std::string(kind)}};
}

}  // namespace

ItemAttributes AttributesOfKey(absl::string_view instance) { return AttributesOf(instance, "key"); }

ItemAttributes AttributesOfCredentials(absl::string_view instance) {
  return AttributesOf(instance, "credential");
}

ItemAttributes AttributesOfCredential(absl::string_view instance, absl::string_view name) {
  ItemAttributes attributes = AttributesOfCredentials(instance);
  attributes.emplace(kNameAttribute, name);
  return attributes;
}

ItemAttributes WithSchema(ItemAttributes attributes) {
  attributes.emplace("xdg:schema", "com.billbroker.Credential");
  return attributes;
}

std::string CredentialNameIn(const ItemAttributes& attributes, absl::string_view path) {
  const auto name = attributes.find(kNameAttribute);
  if (name != attributes.end() && ValidateCredentialName(name->second).ok()) return name->second;
  return absl::StrCat("unnamed item ", path.substr(path.rfind('/') + 1));
}

}  // namespace billbroker
