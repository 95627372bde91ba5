#include "tests/simulator/json_fields.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace billbroker::billsim {

using nlohmann::json;

absl::StatusOr<json> ParseJson(absl::string_view text, absl::string_view what) {
  try {
    return json::parse(text.begin(), text.end());
  } catch (const json::exception& error) {
    const auto* parse_error = dynamic_cast<const json::parse_error*>(&error);
    return absl::InvalidArgumentError(absl::StrCat(
        what, " is not JSON",
        parse_error == nullptr ? "" : absl::StrCat(": look at byte ", parse_error->byte)));
  }
}

std::string JsonText(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

JsonFields::JsonFields(const json& value, std::string path)
    : value_(value), path_(std::move(path)) {
  if (!value_.is_object()) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat(path_.empty() ? "the document" : path_, ": must be an object"));
  }
}

void JsonFields::Require(absl::string_view key, std::string& into) {
  Read(key, into);
  if (into.empty()) Fail(key, "is required and must not be empty");
}

void JsonFields::Read(absl::string_view key, std::string& into) {
  const json* field = Find(key);
  if (field == nullptr) return;
  if (!field->is_string()) return Fail(key, "must be a string");
  into = field->get<std::string>();
}

void JsonFields::Read(absl::string_view key, bool& into) {
  const json* field = Find(key);
  if (field == nullptr) return;
  if (!field->is_boolean()) return Fail(key, "must be true or false");
  into = field->get<bool>();
}

void JsonFields::Read(absl::string_view key, int& into, int lowest, int highest) {
  const json* field = Find(key);
  if (field == nullptr) return;
  const auto number = field->is_number_integer() ? field->get<std::int64_t>() : std::int64_t{-1};
  if (!field->is_number_integer() || number < lowest || number > highest) {
    return Fail(key, absl::StrCat("must be a whole number from ", lowest, " to ", highest));
  }
  into = static_cast<int>(number);
}

void JsonFields::ReadSeconds(absl::string_view key, absl::Duration& into) {
  constexpr int kTenYears = 315'360'000;
  int seconds = static_cast<int>(absl::ToInt64Seconds(into));
  Read(key, seconds, 0, kTenYears);
  into = absl::Seconds(seconds);
}

void JsonFields::Read(absl::string_view key, std::vector<std::string>& into) {
  const json* field = FindArray(key);
  if (field == nullptr) return;
  into.clear();
  for (const json& item : *field) {
    if (!item.is_string()) return Fail(key, "must be an array of strings");
    into.push_back(item.get<std::string>());
  }
}

const json* JsonFields::Find(absl::string_view key) {
  known_.emplace(key);
  if (!status_.ok()) return nullptr;
  const auto found = value_.find(std::string(key));
  return found == value_.end() ? nullptr : &*found;
}

const json* JsonFields::FindArray(absl::string_view key) {
  const json* field = Find(key);
  if (field == nullptr || field->is_array()) return field;
  Fail(key, "must be an array");
  return nullptr;
}

std::string JsonFields::PathOf(absl::string_view key) const {
  return path_.empty() ? std::string(key) : absl::StrCat(path_, ".", key);
}

void JsonFields::Fail(absl::string_view key, absl::string_view message) {
  Keep(absl::InvalidArgumentError(absl::StrCat(PathOf(key), ": ", message)));
}

void JsonFields::Keep(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
}

absl::Status JsonFields::Finish() {
  if (!status_.ok()) return status_;
  for (const auto& [key, ignored] : value_.items()) {
    if (known_.contains(key)) continue;
    Fail(key, absl::StrCat("is not known here; known are: ", absl::StrJoin(known_, ", ")));
  }
  return status_;
}

}  // namespace billbroker::billsim
