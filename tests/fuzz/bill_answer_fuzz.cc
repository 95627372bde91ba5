// The first byte selects the request, the second the HTTP status, and the rest is the body. Checks
// that a parsed response is well-formed and survives a round trip, and that an error contains only
// plain text.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "server/bill/answer.h"
#include "server/bill/organization_page.h"
#include "server/bill/refusal.h"
#include "tests/fuzz/fuzz_target.h"
#include "vault/base/utf8.h"

namespace billbroker {
namespace {

constexpr char kOrganization[] = "00801ACME";
// Ordered so that "!" in the corpus selects 200.
constexpr int kStatuses[] = {403, 408, 423, 425, 429, 500, 502, 200, 201, 204, 302, 400, 401};
const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

HttpAnswer Json(absl::string_view body, int status = 200) {
  return {status, "application/json", "", body};
}

void CheckError(const BillError& error) {
  Require(error.code.empty() || absl::StartsWith(error.code, "BDC_"), "a code is a BILL code");
  Require(std::all_of(error.code.begin(), error.code.end(),
                      [](char c) { return absl::ascii_isalnum(c) || c == '_'; }),
          "a code is plain");
  Require(std::all_of(error.detail.begin(), error.detail.end(),
                      [](char c) { return absl::ascii_isprint(c); }),
          "a detail is plain");
  const absl::Duration wait = error.retry_after.value_or(absl::ZeroDuration());
  Require(wait >= absl::ZeroDuration() && wait <= absl::Hours(1), "a wait is up to an hour");
}

void CheckSignIn(const HttpAnswer& answer) {
  const auto read = ReadSignIn(answer, kOrganization, kNow);
  if (!read.ok()) return CheckError(read.error());
  const SignInAnswer& value = read.value();
  Require(IsHeaderSafe(value.session_id.Reveal()), "a sessionId is header-safe");
  Require(value.organization_id == kOrganization, "the organization is the one asked for");
  const std::string written = nlohmann::json({{"sessionId", value.session_id.Reveal()},
                                              {"organizationId", value.organization_id},
                                              {"userId", value.user_id},
                                              {"trusted", value.trusted}})
                                  .dump();
  const auto again = ReadSignIn(Json(written), kOrganization, kNow);
  Require(again.ok(), "a written response is read");
  Require(again.value().session_id == value.session_id && again.value().user_id == value.user_id &&
              again.value().trusted == value.trusted,
          "a response survives a round trip");
}

void CheckSessionInfo(const HttpAnswer& answer) {
  const auto read = ReadSessionInfo(answer, kNow);
  if (!read.ok()) return CheckError(read.error());
  const SessionInfo& value = read.value();
  const std::string written = nlohmann::json({{"organizationId", value.organization_id},
                                              {"userId", value.user_id},
                                              {"mfaStatus", "DISABLED"},
                                              {"mfaBypass", value.trusted}})
                                  .dump();
  const auto again = ReadSessionInfo(Json(written), kNow);
  Require(again.ok(), "a written response is read");
  Require(again.value().organization_id == value.organization_id &&
              again.value().user_id == value.user_id && again.value().trusted == value.trusted,
          "a response survives a round trip");
}

void CheckPage(const HttpAnswer& answer) {
  const auto read = ReadOrganizationPage(answer, kNow);
  if (!read.ok()) return CheckError(read.error());
  const OrganizationPage& page = read.value();
  nlohmann::json results = nlohmann::json::array();
  for (const ListedOrganization& each : page.organizations) {
    Require(IsId(each.id), "an id is valid");
    Require(each.name.size() <= 256 && IsUtf8(each.name), "a name is short and UTF-8");
    Require(std::none_of(each.name.begin(), each.name.end(), absl::ascii_iscntrl),
            "a name has no control characters");
    results.push_back({{"id", each.id}, {"name", each.name}});
  }
  Require(page.next_page.size() <= 1024, "a next page is short");
  if (!IsUtf8(page.next_page)) return;  // it is only sent back to BILL, escaped
  const std::string written =
      nlohmann::json({{"results", std::move(results)}, {"nextPage", page.next_page}}).dump();
  const auto again = ReadOrganizationPage(Json(written), kNow);
  Require(again.ok(), "a written response is read");
  Require(std::equal(page.organizations.begin(), page.organizations.end(),
                     again.value().organizations.begin(), again.value().organizations.end(),
                     [](const auto& a, const auto& b) { return a.id == b.id && a.name == b.name; }),
          "a response survives a round trip");
  Require(again.value().next_page == page.next_page, "the next page survives a round trip");
}

// Requires that a success has no known code.
template <typename T>
void CheckOther(const BillResult<T>& read, const HttpAnswer& answer) {
  if (!read.ok()) return CheckError(read.error());
  Require(!FindRefusal(answer, kNow).has_value(), "a known code is never a success");
}

void CheckHealth(const HttpAnswer& answer) {
  const auto read = ReadHealth(answer, kNow);
  Require(read.ok(), "any answer has a shape");
  const BillError error = ReadRefusal(answer, kNow);
  Require(read.value().http_status == error.http_status && read.value().code == error.code &&
              read.value().body == error.body,
          "an answer and its error have the same shape");
}

void Check(char request, const HttpAnswer& answer) {
  switch (request) {
    case 'i':
      return CheckSignIn(answer);
    case 'o': {
      const auto read = ReadSignOut(answer, kNow);
      return read.ok() ? void() : CheckError(read.error());
    }
    case 's':
      return CheckSessionInfo(answer);
    case 'p':
      return CheckPage(answer);
    case 'l':
      return CheckOther(ReadPartnerSignIn(answer, kNow), answer);
    case 'c':
      return CheckOther(ReadMfaChallenge(answer, kNow), answer);
    case 'v':
      return CheckOther(ReadMfaValidated(answer, kNow), answer);
    case 'u':
      return CheckOther(ReadSteppedUp(answer, kNow), answer);
    case 'h':
      return CheckHealth(answer);
    case 'w': {
      const auto wait = ParseRetryAfter(answer.body, kNow);
      return Require(
          !wait.has_value() || (*wait >= absl::ZeroDuration() && *wait <= absl::Hours(1)),
          "a wait is up to an hour");
    }
    default:
      return CheckError(ReadRefusal(answer, kNow));
  }
}

}  // namespace
}  // namespace billbroker

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const int status = billbroker::kStatuses[data[1] % std::size(billbroker::kStatuses)];
  billbroker::Check(static_cast<char>(data[0]),
                    billbroker::Json(billbroker::TextOf(data + 2, size - 2), status));
  return 0;
}
