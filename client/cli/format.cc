#include "client/cli/format.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/proto_time.h"

namespace billbroker {
namespace {

// The second byte of U+0080 to U+009F, which are control characters too.
bool IsC1(char byte) { return (static_cast<unsigned char>(byte) & 0xE0) == 0x80; }

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

std::string Printable(absl::string_view text) {
  std::string printable;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool c1 = text[i] == '\xC2' && i + 1 < text.size() && IsC1(text[i + 1]);
    const bool control = c1 || absl::ascii_iscntrl(static_cast<unsigned char>(text[i]));
    printable.push_back(control ? '?' : text[i]);
    if (c1) ++i;
  }
  return printable;
}

std::size_t DisplayWidth(absl::string_view text) {
  std::size_t width = 0;
  for (const char byte : text) width += IsContinuation(byte) ? 0 : 1;
  return width;
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string TimeText(const google::protobuf::Timestamp& time) { return TimeText(TimeOf(time)); }

std::string LengthText(absl::Duration length) {
  struct Unit {
    absl::Duration size;
    absl::string_view name;
  };
  const Unit units[] = {{absl::Hours(24), " d"},
                        {absl::Hours(1), " h"},
                        {absl::Minutes(1), " min"},
                        {absl::Seconds(1), " s"}};
  for (std::size_t i = 0; i < 4; ++i) {
    absl::Duration rest;
    const std::int64_t count = absl::IDivDuration(length, units[i].size, &rest);
    if (count < 1) continue;
    std::string text = absl::StrCat(count, units[i].name);
    // Nobody plans by the seconds of minutes.
    if (i + 1 >= 3) return text;
    const std::int64_t minor = absl::IDivDuration(rest, units[i + 1].size, &rest);
    if (minor > 0) absl::StrAppend(&text, " ", minor, units[i + 1].name);
    return text;
  }
  return "0 s";
}

std::string WaitText(absl::Duration wait) {
  // To the least unit that LengthText() shows of it.
  const absl::Duration unit = wait > absl::Hours(24)    ? absl::Hours(1)
                              : wait > absl::Minutes(1) ? absl::Minutes(1)
                                                        : absl::Seconds(1);
  return LengthText(std::max(absl::Ceil(wait, unit), absl::Seconds(1)));
}

std::string BytesText(std::uint64_t bytes) {
  if (bytes >= 1024 * 1024) return absl::StrCat(bytes / (1024 * 1024), " MiB");
  if (bytes >= 1024) return absl::StrCat(bytes / 1024, " KiB");
  return absl::StrCat(bytes, " bytes");
}

std::string EnumWord(absl::string_view name, absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
}

std::string Counted(std::int64_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

v1::CredentialKind KindOf(absl::string_view word) {
  if (word == "user") return v1::CREDENTIAL_KIND_USER;
  if (word == "console") return v1::CREDENTIAL_KIND_CONSOLE;
  if (word == "partner") return v1::CREDENTIAL_KIND_PARTNER;
  return v1::CREDENTIAL_KIND_UNSPECIFIED;
}

}  // namespace billbroker
