#include <algorithm>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/simulator/bill.h"
#include "tests/simulator/json_fields.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

constexpr int kMaxPageSize = 100;

// A page token names the index of the page's first item.
std::string PageToken(std::size_t first) {
  return absl::StrCat("p", absl::Hex(first, absl::kZeroPad8));
}

// Returns false if PageToken() did not make `token`.
bool ReadPageToken(const std::string& token, std::size_t& first) {
  std::uint32_t number = 0;
  if (token.size() != 9 || token[0] != 'p') return false;
  if (!absl::SimpleHexAtoi(token.substr(1), &number)) return false;
  first = number;
  return true;
}

bool ReadMax(const std::map<std::string, std::string>& query, std::size_t& size) {
  const auto found = query.find("max");
  if (found == query.end()) return true;
  int max = 0;
  if (!absl::SimpleAtoi(found->second, &max) || max < 1 || max > kMaxPageSize) return false;
  size = static_cast<std::size_t>(max);
  return true;
}

}  // namespace

HttpAnswer Bill::Page(const SessionCall& on, const json& items, int default_size) {
  const auto wanted = on.call.query.find("page");
  std::size_t first = 0;
  auto size = static_cast<std::size_t>(default_size);
  const bool token_fits = wanted == on.call.query.end() || wanted->second.empty() ||
                          ReadPageToken(wanted->second, first);
  if (!token_fits || !ReadMax(on.call.query, size)) {
    return Refuse(settings_.malformed_code, on.now);
  }
  first = std::min(first, items.size());
  const std::size_t end = std::min(first + size, items.size());
  json page = json::array();
  for (std::size_t i = first; i < end; ++i) page.push_back(items[i]);
  json body = {{settings_.organizations_field, std::move(page)}};
  if (end < items.size()) body["nextPage"] = PageToken(end);
  if (end >= items.size() && settings_.list_end_is_empty_page) body["nextPage"] = "";
  if (first > 0) body["prevPage"] = PageToken(first - std::min(first, size));
  HttpAnswer answer;
  answer.body = JsonText(body);
  return answer;
}

HttpAnswer Bill::ListOrganizations(const SessionCall& on) {
  if (settings_.organization_list_uses_window) {
    auto refusal = SignInsSpent(on.session.dev_key, on.now);
    if (refusal.has_value()) return *std::move(refusal);
    CountSignIn(on.session.dev_key, on.now);
  }
  json items = json::array();
  for (const std::string& id : world_.users[on.session.username].organizations) {
    json item = {{settings_.organization_id_field, id},
                 {settings_.organization_name_field, world_.organizations[id].name}};
    if (!settings_.organization_item_field.empty()) {
      item = {{settings_.organization_item_field, item}};
    }
    items.push_back(std::move(item));
  }
  return Page(on, items, settings_.page_size);
}

HttpAnswer Bill::ListPartnerOrganizations(const SessionCall& on) {
  json items = json::array();
  for (const std::string& id : world_.users[on.session.username].organizations) {
    items.push_back({{"id", id}, {"archived", false}, {"name", world_.organizations[id].name}});
  }
  return Page(on, items, kMaxPageSize);
}

HttpAnswer Bill::ListPartnerUsers(const SessionCall& on) {
  const std::string organization_id = on.call.Header("organizationid");
  if (!world_.organizations.contains(organization_id)) return Refuse("BDC_1123", on.now);
  if (!Contains(world_.users[on.session.username].organizations, organization_id)) {
    return Refuse(settings_.not_the_partners_organization_code, on.now);
  }
  json items = json::array();
  for (const auto& [username, user] : world_.users) {
    if (user.kind == UserKind::kPartner) continue;
    if (!Contains(user.organizations, organization_id)) continue;
    items.push_back({{"id", user.user_id},
                     {"archived", !user.active},
                     {"firstName", "Sample"},
                     {"lastName", "User"},
                     {"email", username},
                     {"role", {{"type", "ADMINISTRATOR"}}}});
  }
  return Page(on, items, kMaxPageSize);
}

}  // namespace billbroker::billsim
