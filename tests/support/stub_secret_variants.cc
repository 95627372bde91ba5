#include "tests/support/stub_secret_variants.h"

#include <cstdlib>

namespace billbroker {

GVariant* StubPathsVariant(const std::vector<std::string>& paths) {
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("ao"));
  for (const std::string& path : paths) g_variant_builder_add(&builder, "o", path.c_str());
  return g_variant_builder_end(&builder);
}

std::vector<std::string> StubPathsFrom(GVariant* paths) {
  std::vector<std::string> result;
  GVariantIter iter;
  g_variant_iter_init(&iter, paths);
  const char* path = nullptr;
  while (g_variant_iter_next(&iter, "&o", &path)) result.emplace_back(path);
  return result;
}

GVariant* StubAttributesVariant(const StubAttributes& attributes) {
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
  for (const auto& [key, value] : attributes) {
    g_variant_builder_add(&builder, "{ss}", key.c_str(), value.c_str());
  }
  return g_variant_builder_end(&builder);
}

StubAttributes StubAttributesFrom(GVariant* attributes) {
  StubAttributes result;
  GVariantIter iter;
  g_variant_iter_init(&iter, attributes);
  const char* key = nullptr;
  const char* value = nullptr;
  while (g_variant_iter_next(&iter, "{&s&s}", &key, &value)) result[key] = value;
  return result;
}

GVariant* StubBytesVariant(const std::string& bytes) {
  return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes.data(), bytes.size(), 1);
}

std::string StubBytesFrom(GVariant* bytes) {
  gsize size = 0;
  const void* data = g_variant_get_fixed_array(bytes, &size, 1);
  return size == 0 ? std::string() : std::string(static_cast<const char*>(data), size);
}

GVariant* StubSecretVariant(const StubSecret& secret) {
  return g_variant_new("(o@ay@ays)", secret.session.c_str(),
                       StubBytesVariant(secret.sealed.parameters),
                       StubBytesVariant(secret.sealed.value), secret.content_type.c_str());
}

StubSecret StubSecretFrom(GVariant* secret) {
  const char* session = nullptr;
  const char* content_type = nullptr;
  GVariantPtr parameters;
  GVariantPtr value;
  g_variant_get(secret, "(&o@ay@ay&s)", &session, static_cast<GVariant**>(Out(parameters)),
                static_cast<GVariant**>(Out(value)), &content_type);
  return {session, {StubBytesFrom(parameters.get()), StubBytesFrom(value.get())}, content_type};
}

void StubCollect(GVariant* value, std::vector<std::string>& paths,
                 std::vector<StubAttributes>& attributes) {
  if (g_variant_is_of_type(value, G_VARIANT_TYPE_OBJECT_PATH)) {
    paths.emplace_back(g_variant_get_string(value, nullptr));
  } else if (g_variant_is_of_type(value, G_VARIANT_TYPE("a{ss}"))) {
    attributes.push_back(StubAttributesFrom(value));
  } else if (g_variant_is_of_type(value, G_VARIANT_TYPE("ay"))) {
    return;  // a large secret has many children
  } else if (g_variant_is_container(value)) {
    for (gsize i = 0; i < g_variant_n_children(value); ++i) {
      const GVariantPtr child(g_variant_get_child_value(value, i));
      StubCollect(child.get(), paths, attributes);
    }
  }
}

GVariant* StubWithPaths(GVariant* value, const std::string& path) {
  if (g_variant_is_of_type(value, G_VARIANT_TYPE_OBJECT_PATH)) {
    const bool is_none = g_str_equal(g_variant_get_string(value, nullptr), "/");
    return g_variant_new_object_path(is_none ? "/" : path.c_str());
  }
  const bool is_bytes = g_variant_is_of_type(value, G_VARIANT_TYPE("ay"));
  if (is_bytes || !g_variant_is_container(value)) return value;
  GVariantBuilder builder;
  g_variant_builder_init(&builder, g_variant_get_type(value));
  for (gsize i = 0; i < g_variant_n_children(value); ++i) {
    const GVariantPtr child(g_variant_get_child_value(value, i));
    g_variant_builder_add_value(&builder, StubWithPaths(child.get(), path));
  }
  return g_variant_builder_end(&builder);
}

GVariantPtr StubParsedVariant(const std::string& text) {
  GErrorPtr error;
  GVariantPtr parsed(g_variant_parse(nullptr, text.c_str(), nullptr, nullptr, Out(error)));
  if (parsed == nullptr) {
    g_printerr("stub Secret Service: %s: %s\n", text.c_str(), error->message);
    std::abort();
  }
  return parsed;
}

}  // namespace billbroker
