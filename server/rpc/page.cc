#include "server/rpc/page.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

constexpr int kDefaultSize = 100;
constexpr int kMaxSize = 1000;

}  // namespace

absl::StatusOr<PageWish> PageOf(absl::string_view list, int size, absl::string_view token) {
  const absl::StatusOr<std::size_t> entries = PageSize(size);
  if (!entries.ok()) return entries.status();
  absl::StatusOr<std::string> last_key = LastKey(list, token);
  if (!last_key.ok()) return last_key.status();
  return PageWish{*entries, *std::move(last_key)};
}

absl::StatusOr<std::size_t> PageSize(int asked) {
  if (asked < 0) {
    return Malformed("page_size", absl::StrCat("is ", asked, "; send 1 to ", kMaxSize,
                                               ", or 0 for ", kDefaultSize));
  }
  return asked == 0 ? kDefaultSize : std::min(asked, kMaxSize);
}

std::string PageToken(absl::string_view list, absl::string_view last_key) {
  return absl::WebSafeBase64Escape(absl::StrCat(list, ":", last_key));
}

absl::StatusOr<std::string> LastKey(absl::string_view list, absl::string_view token) {
  if (token.empty()) return std::string();
  std::string decoded;
  absl::string_view key;
  if (absl::WebSafeBase64Unescape(token, &decoded)) key = decoded;
  if (!absl::ConsumePrefix(&key, absl::StrCat(list, ":")) || key.empty()) {
    return Malformed("page_token",
                     "is not a next_page_token of this call; begin with an empty one");
  }
  return std::string(key);
}

}  // namespace billbroker
