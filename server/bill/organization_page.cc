#include "server/bill/organization_page.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/bill/answer.h"
#include "server/bill/refusal.h"
#include "vault/base/json/json_view.h"
#include "vault/base/utf8.h"

namespace billbroker {
namespace {

constexpr std::size_t kLongestName = 256;
constexpr std::size_t kLongestToken = 1024;
// The longest name in an answer that is read and cut; a longer name is dropped.
constexpr std::size_t kLongestRawName = 64 * 1024;

constexpr absl::string_view kLists[] = {"results", "organizations", "items", "data"};
constexpr absl::string_view kIds[] = {"id", "organizationId", "organization_id"};
constexpr absl::string_view kNames[] = {"name", "organizationName", "organization_name"};

// Returns the first member with one of these names and of `kind`.
template <std::size_t kCount>
absl::optional<JsonView> FindAny(JsonView in, const absl::string_view (&names)[kCount],
                                 JsonView::Kind kind) {
  for (const absl::string_view name : names) {
    const absl::optional<JsonView> member = in.Find(name);
    if (member.has_value() && member->kind() == kind) return member;
  }
  return absl::nullopt;
}

absl::optional<JsonView> ListIn(JsonView body) {
  if (body.kind() == JsonView::Kind::kArray) return body;
  return FindAny(body, kLists, JsonView::Kind::kArray);
}

// Returns `text` without bytes that could control a terminal or break a message.
std::string Cleaned(absl::string_view text) {
  if (!IsUtf8(text)) return "";
  std::string name(text.substr(0, kLongestName));
  while (!IsUtf8(name)) name.pop_back();  // cut inside a character
  std::replace_if(name.begin(), name.end(), absl::ascii_iscntrl, ' ');
  return name;
}

std::string NameIn(JsonView entry) {
  const absl::optional<JsonView> member = FindAny(entry, kNames, JsonView::Kind::kString);
  if (!member.has_value()) return "";
  const absl::optional<SecretString> text = member->Text(kLongestRawName);
  return text.has_value() ? Cleaned(text->Reveal()) : "";
}

// Returns an empty id if there is no valid one.
std::string IdIn(JsonView entry) {
  const absl::optional<JsonView> member = FindAny(entry, kIds, JsonView::Kind::kString);
  if (!member.has_value()) return "";
  const absl::optional<SecretString> text = member->Text(kLongestId);
  return text.has_value() && IsId(text->Reveal()) ? std::string(text->Reveal()) : "";
}

// Returns the token of the next page, empty on the last page; nullopt if it is malformed.
absl::optional<std::string> NextPageIn(JsonView body) {
  const absl::optional<JsonView> member = body.Find("nextPage");
  if (!member.has_value()) return "";
  const absl::string_view number = member->Number();
  if (!number.empty() && number.size() <= kLongestToken) return std::string(number);
  const absl::optional<SecretString> text = member->Text(kLongestToken);
  if (!text.has_value()) return absl::nullopt;
  return std::string(text->Reveal());
}

}  // namespace

BillResult<OrganizationPage> ReadOrganizationPage(const HttpAnswer& answer, absl::Time now) {
  const absl::optional<JsonView> body = JsonView::Parse(answer.body);
  const BillError refusal = ReadRefusal(answer, now);
  // A refusal can be an array too, even with HTTP 200. Only its code distinguishes it.
  if (!answer.IsSuccess() || !body.has_value() || !refusal.code.empty()) return refusal;
  const absl::optional<JsonView> list = ListIn(*body);
  if (!list.has_value()) return OutOfShape(answer, "no list of organizations");

  OrganizationPage page;
  bool in_shape = true;
  list->ForEach([&page, &in_shape](JsonView entry) {
    ListedOrganization organization{IdIn(entry), NameIn(entry)};
    in_shape = in_shape && !organization.id.empty();
    if (in_shape) page.organizations.push_back(std::move(organization));
  });
  if (!in_shape) return OutOfShape(answer, "an organization with a missing or malformed id");
  absl::optional<std::string> next = NextPageIn(*body);
  if (!next.has_value()) return OutOfShape(answer, "a nextPage that is neither text nor number");
  page.next_page = *std::move(next);
  return page;
}

}  // namespace billbroker
