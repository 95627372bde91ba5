// JsonFields: reads one JSON object field by field, and names a faulty field by its path.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace billbroker::billsim {

// Parses `text`. Errors: kInvalidArgument names `what` and the first byte that is not JSON.
[[nodiscard]] absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text,
                                                       absl::string_view what);

// Returns JSON text of one line, with bytes that are not UTF-8 replaced.
[[nodiscard]] std::string JsonText(const nlohmann::json& value);

// Keeps the first fault, which Finish() returns; reads after a fault do nothing. Reading an absent
// field leaves its variable unchanged, unless the field is Require()d. Not thread-safe; borrows
// `value`.
class JsonFields final {
 public:
  // `path` is the prefix of the names in messages, such as "users[0]"; empty for the document.
  JsonFields(const nlohmann::json& value, std::string path);

  void Require(absl::string_view key, std::string& into);  // fails if absent or empty
  void Read(absl::string_view key, std::string& into);
  void Read(absl::string_view key, bool& into);
  void Read(absl::string_view key, int& into, int lowest, int highest);
  void ReadSeconds(absl::string_view key, absl::Duration& into);  // a whole number from 0
  void Read(absl::string_view key, std::vector<std::string>& into);
  // Reads one of the names in `choices`.
  template <typename T, std::size_t N>
  void ReadChoice(absl::string_view key, T& into, const std::pair<T, const char*> (&choices)[N]) {
    std::string wanted;
    Read(key, wanted);
    if (wanted.empty()) return;
    std::string known;
    for (const auto& [choice, name] : choices) {
      if (wanted == name) return void(into = choice);
      absl::StrAppend(&known, known.empty() ? "" : ", ", name);
    }
    Fail(key, absl::StrCat("must be one of: ", known));
  }

  // Returns the field's value for a caller that reads it itself; null if the field is absent.
  [[nodiscard]] const nlohmann::json* Find(absl::string_view key);
  // Returns the field's array; null if the field is absent, or is not an array (a fault).
  [[nodiscard]] const nlohmann::json* FindArray(absl::string_view key);

  [[nodiscard]] std::string PathOf(absl::string_view key) const;
  void Fail(absl::string_view key, absl::string_view message);
  void Keep(absl::Status status);  // takes over the fault of another reader

  // Returns the first fault; fields that were not read are ignored.
  [[nodiscard]] const absl::Status& status() const { return status_; }
  // Returns the first fault. A field that was not read is one.
  [[nodiscard]] absl::Status Finish();

 private:
  const nlohmann::json& value_;
  std::string path_;
  std::set<std::string> known_;
  absl::Status status_;
};

}  // namespace billbroker::billsim
