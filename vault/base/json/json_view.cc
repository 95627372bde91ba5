#include "vault/base/json/json_view.h"

#include "vault/base/json/json_scanner.h"
#include "vault/base/json/json_string.h"

namespace billbroker {

absl::optional<JsonView> JsonView::Parse(absl::string_view text) {
  JsonScanner scanner(text);
  scanner.SkipSpace();
  const std::size_t start = scanner.at();
  if (!scanner.SkipValue(kDeepestNesting)) return absl::nullopt;
  const absl::string_view value = scanner.From(start);
  scanner.SkipSpace();
  if (!scanner.AtEnd()) return absl::nullopt;
  return Of(value);
}

JsonView JsonView::Of(absl::string_view value) {
  switch (value.front()) {
    case '{':
      return {Kind::kObject, value};
    case '[':
      return {Kind::kArray, value};
    case '"':
      return {Kind::kString, value};
    case 't':
    case 'f':
      return {Kind::kBool, value};
    case 'n':
      return {Kind::kNull, value};
    default:
      return {Kind::kNumber, value};
  }
}

bool JsonView::IsTrue() const { return text_ == "true"; }

absl::optional<SecretString> JsonView::Text(std::size_t max_bytes) const {
  if (kind_ != Kind::kString) return absl::nullopt;
  return DecodeJsonString(text_, max_bytes);
}

absl::optional<JsonView> JsonView::Find(absl::string_view name) const {
  absl::optional<JsonView> found;
  if (kind_ != Kind::kObject) return found;
  JsonScanner scanner(text_.substr(1));
  while (scanner.SkipSpace(), scanner.Peek() == '"') {
    const std::size_t name_start = scanner.at();
    scanner.SkipString();
    const absl::string_view quoted = scanner.From(name_start);
    scanner.SkipSpace();
    scanner.Skip(':');
    scanner.SkipSpace();
    const std::size_t value_start = scanner.at();
    scanner.SkipValue(kDeepestNesting);
    if (quoted.substr(1, quoted.size() - 2) == name) found = Of(scanner.From(value_start));
    scanner.SkipSpace();
    scanner.Skip(',');
  }
  if (found.has_value() && found->kind() == Kind::kNull) return absl::nullopt;
  return found;
}

void JsonView::ForEach(absl::FunctionRef<void(JsonView)> visit) const {
  if (kind_ != Kind::kArray) return;
  JsonScanner scanner(text_.substr(1));
  while (scanner.SkipSpace(), scanner.Peek() != ']') {
    const std::size_t start = scanner.at();
    scanner.SkipValue(kDeepestNesting);
    visit(Of(scanner.From(start)));
    scanner.SkipSpace();
    scanner.Skip(',');
  }
}

}  // namespace billbroker
