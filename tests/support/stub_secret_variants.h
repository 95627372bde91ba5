// Conversions between GVariants and C++ values for the stub Secret Service. Functions that return
// GVariant* return a floating reference.
#pragma once

#include <string>
#include <vector>

#include "tests/support/stub_secret_items.h"
#include "tests/support/stub_secret_session.h"
#include "vault/keyring/glib_ptr.h"

namespace billbroker {

[[nodiscard]] GVariant* StubPathsVariant(const std::vector<std::string>& paths);
[[nodiscard]] std::vector<std::string> StubPathsFrom(GVariant* paths);

[[nodiscard]] GVariant* StubAttributesVariant(const StubAttributes& attributes);
[[nodiscard]] StubAttributes StubAttributesFrom(GVariant* attributes);

[[nodiscard]] GVariant* StubBytesVariant(const std::string& bytes);
[[nodiscard]] std::string StubBytesFrom(GVariant* bytes);

// A secret on the bus, (oayays).
struct StubSecret {
  std::string session;
  StubSecretSession::Sealed sealed;
  std::string content_type;
};
[[nodiscard]] GVariant* StubSecretVariant(const StubSecret& secret);
[[nodiscard]] StubSecret StubSecretFrom(GVariant* secret);

// Takes ownership of a floating reference.
[[nodiscard]] inline GVariantPtr StubOwned(GVariant* value) {
  return GVariantPtr(g_variant_ref_sink(value));
}

// Appends every object path and every set of attributes (a{ss}) in `value`, at any depth.
void StubCollect(GVariant* value, std::vector<std::string>& paths,
                 std::vector<StubAttributes>& attributes);

// Returns a copy in which every object path but "/" is `path`.
[[nodiscard]] GVariant* StubWithPaths(GVariant* value, const std::string& path);

// Parses GVariant's text format. Aborts if `text` is not valid.
[[nodiscard]] GVariantPtr StubParsedVariant(const std::string& text);

}  // namespace billbroker
