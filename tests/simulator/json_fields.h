// JsonFields: reads one JSON object field by field, and says by path what is wrong with it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace billbroker::billsim {

// Parses `text`; kInvalidArgument names `what` and the byte where it stops being JSON.
[[nodiscard]] absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text,
                                                       absl::string_view what);

// JSON text of one line; bytes that are not UTF-8 are replaced.
[[nodiscard]] std::string JsonText(const nlohmann::json& value);

// The first fault is kept and told by Finish(); reads after it do nothing. A field that is absent
// leaves its variable as it was, unless it is Require()d. Not thread-safe; borrows `value`.
class JsonFields final {
 public:
  // `path` is what faults are named by, such as "users[0]"; empty for the whole document.
  JsonFields(const nlohmann::json& value, std::string path);

  void Require(absl::string_view key, std::string& into);  // present and not empty
  void Read(absl::string_view key, std::string& into);
  void Read(absl::string_view key, bool& into);
  void Read(absl::string_view key, int& into, int lowest, int highest);
  void ReadSeconds(absl::string_view key, absl::Duration& into);  // a whole number from 0
  void Read(absl::string_view key, std::vector<std::string>& into);

  // The field's value, for what needs a reading of its own; null where absent.
  [[nodiscard]] const nlohmann::json* Find(absl::string_view key);
  // Likewise, an array; null where absent or of another type.
  [[nodiscard]] const nlohmann::json* FindArray(absl::string_view key);

  [[nodiscard]] std::string PathOf(absl::string_view key) const;
  void Fail(absl::string_view key, absl::string_view message);
  void Keep(absl::Status status);  // a fault found by another reader

  // The first fault; else, a field that nobody asked for.
  [[nodiscard]] absl::Status Finish();

 private:
  const nlohmann::json& value_;
  std::string path_;
  std::set<std::string> known_;
  absl::Status status_;
};

}  // namespace billbroker::billsim
