#include "vault/base/json/json_scanner.h"

#include "absl/strings/ascii.h"

namespace billbroker {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

void JsonScanner::SkipSpace() {
  while (!AtEnd() && IsSpace(text_[at_])) ++at_;
}

bool JsonScanner::Skip(char c) {
  if (AtEnd() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool JsonScanner::SkipValue(int depth) {
  switch (Peek()) {
    case '{':
      return depth > 0 && SkipObject(depth);
    case '[':
      return depth > 0 && SkipArray(depth);
    case '"':
      return SkipString();
    case 't':
      return SkipWord("true");
    case 'f':
      return SkipWord("false");
    case 'n':
      return SkipWord("null");
    default:
      return SkipNumber();
  }
}

bool JsonScanner::SkipString() {
  if (!Skip('"')) return false;
  while (!AtEnd()) {
    const char c = text_[at_++];
    if (c == '"') return true;
    if (static_cast<unsigned char>(c) < 0x20) return false;
    if (c == '\\' && !SkipEscape()) return false;
  }
  return false;
}

bool JsonScanner::SkipObject(int depth) {
  Skip('{');
  SkipSpace();
  if (Skip('}')) return true;
  do {
    SkipSpace();
    if (!SkipString()) return false;
    SkipSpace();
    if (!Skip(':')) return false;
    SkipSpace();
    if (!SkipValue(depth - 1)) return false;
    SkipSpace();
  } while (Skip(','));
  return Skip('}');
}

bool JsonScanner::SkipArray(int depth) {
  Skip('[');
  SkipSpace();
  if (Skip(']')) return true;
  do {
    SkipSpace();
    if (!SkipValue(depth - 1)) return false;
    SkipSpace();
  } while (Skip(','));
  return Skip(']');
}

bool JsonScanner::SkipEscape() {
  if (AtEnd()) return false;
  const char c = text_[at_++];
  if (c != 'u') return absl::string_view("\"\\/bfnrt").find(c) != absl::string_view::npos;
  for (int i = 0; i < 4; ++i) {
    if (AtEnd() || !absl::ascii_isxdigit(text_[at_++])) return false;
  }
  return true;
}

bool JsonScanner::SkipWord(absl::string_view word) {
  if (text_.substr(at_, word.size()) != word) return false;
  at_ += word.size();
  return true;
}

bool JsonScanner::SkipDigits() {
  const std::size_t start = at_;
  while (absl::ascii_isdigit(Peek())) ++at_;
  return at_ > start;
}

bool JsonScanner::SkipNumber() {
  Skip('-');
  if (!Skip('0') && !SkipDigits()) return false;
  if (Skip('.') && !SkipDigits()) return false;
  if (Skip('e') || Skip('E')) {
    if (!Skip('+')) Skip('-');
    return SkipDigits();
  }
  return true;
}

}  // namespace billbroker
