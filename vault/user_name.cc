#include "vault/user_name.h"

#include <glib.h>

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"

namespace billbroker {
namespace {

struct GlibFree {
  void operator()(char* text) const { g_free(text); }
};
using GlibText = std::unique_ptr<char, GlibFree>;

GlibText Normalize(const char* text, gssize length) {
  return GlibText(g_utf8_normalize(text, length, G_NORMALIZE_NFKC));
}

}  // namespace

std::string FoldUserName(absl::string_view username) {
  if (std::all_of(username.begin(), username.end(), absl::ascii_isascii)) {
    return absl::AsciiStrToLower(username);
  }
  const auto length = static_cast<gssize>(username.size());
  if (g_utf8_validate(username.data(), length, nullptr) == 0) {
    return absl::AsciiStrToLower(username);
  }
  const GlibText normalized = Normalize(username.data(), length);
  const GlibText folded(g_utf8_casefold(normalized.get(), -1));
  // Case folding can leave a text that is not in normal form.
  return Normalize(folded.get(), -1).get();
}

}  // namespace billbroker
