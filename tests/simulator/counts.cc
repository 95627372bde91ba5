#include "tests/simulator/counts.h"

#include "nlohmann/json.hpp"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

// Paths and ids come from the client, so their number and length are bounded.
constexpr std::size_t kMostKeys = 200'000;
constexpr std::size_t kLongestKey = 256;

template <typename Map>
auto& Entry(Map& map, absl::string_view key) {
  const bool fits = key.size() <= kLongestKey && map.size() < kMostKeys;
  return map[fits ? std::string(key) : "(other)"];
}

json JsonOf(const Tally& tally) {
  return {{"calls", tally.calls},
          {"sign_ins_succeeded", tally.sign_ins_succeeded},
          {"sign_ins_failed", tally.sign_ins_failed},
          {"faulted", tally.faulted}};
}

json JsonOf(const std::map<std::string, Tally>& tallies) {
  json out = json::object();
  for (const auto& [key, tally] : tallies) out[key] = JsonOf(tally);
  return out;
}

}  // namespace

template <typename Change>
void Counts::ForEach(const CallOrigin& origin, Change change) {
  change(total_);
  if (!origin.dev_key.empty()) change(Entry(dev_keys_, origin.dev_key));
  if (!origin.organization_id.empty()) change(Entry(organizations_, origin.organization_id));
  if (!origin.username.empty()) change(Entry(users_, origin.username));
}

void Counts::Call(const CallOrigin& origin, absl::string_view path) {
  ForEach(origin, [](Tally& tally) { ++tally.calls; });
  ++Entry(paths_, path);
}

void Counts::SignIn(const CallOrigin& origin, bool succeeded) {
  ForEach(origin, [succeeded](Tally& tally) {
    ++(succeeded ? tally.sign_ins_succeeded : tally.sign_ins_failed);
  });
}

void Counts::Faulted(const CallOrigin& origin, absl::string_view path) {
  Call(origin, path);
  ForEach(origin, [](Tally& tally) { ++tally.faulted; });
}

void Counts::Refusal(absl::string_view code) { ++Entry(refusals_, code); }

json Counts::Json() const {
  return {{"total", JsonOf(total_)},
          {"dev_keys", JsonOf(dev_keys_)},
          {"organizations", JsonOf(organizations_)},
          {"users", JsonOf(users_)},
          {"paths", paths_},
          {"refusals", refusals_}};
}

}  // namespace billbroker::billsim
