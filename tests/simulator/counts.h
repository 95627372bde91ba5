// Counts of calls and sign-ins by devKey, organization, user and path.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"

namespace billbroker::billsim {

// The devKey, organization and user of a call; empty if the call does not name them.
struct CallOrigin {
  std::string dev_key;
  std::string organization_id;
  std::string username;
};

struct Tally {
  std::int64_t calls = 0;  // all, also the faulted ones
  std::int64_t sign_ins_succeeded = 0;
  std::int64_t sign_ins_failed = 0;  // refused by BILL for any reason
  std::int64_t faulted = 0;          // of `calls`: a fault answered in BILL's place
};

// Not thread-safe; Bill guards it.
class Counts final {
 public:
  void Call(const CallOrigin& origin, absl::string_view path);
  void SignIn(const CallOrigin& origin, bool succeeded);
  void Faulted(const CallOrigin& origin, absl::string_view path);
  void Refusal(absl::string_view code);

  // Returns {"total","dev_keys","organizations","users","paths","refusals"}; README.md shows it.
  [[nodiscard]] nlohmann::json Json() const;

 private:
  using Tallies = std::map<std::string, Tally>;

  template <typename Change>
  void ForEach(const CallOrigin& origin, Change change);

  Tally total_;
  Tallies dev_keys_;
  Tallies organizations_;
  Tallies users_;
  std::map<std::string, std::int64_t> paths_;
  std::map<std::string, std::int64_t> refusals_;
};

}  // namespace billbroker::billsim
