#include "server/app/toml_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace billbroker {
namespace {

absl::string_view TypeName(const toml::node& node) {
  if (node.is_string()) return "a string";
  if (node.is_integer()) return "an integer";
  if (node.is_boolean()) return "a boolean";
  if (node.is_table()) return "a table";
  if (node.is_array()) return "an array";
  return "a number or date";
}

// toml++ takes std::string_view, which our interfaces do not use.
std::string_view View(absl::string_view text) { return {text.data(), text.size()}; }

unsigned LineOf(const toml::node& node) { return node.source().begin.line; }

const toml::table& EmptyTable() {
  static const auto& empty = *new toml::table;
  return empty;
}

absl::Status Unreadable(const std::string& path) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read: ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::string> ReadGuardedFile(const std::string& path, mode_t forbidden) {
  // O_NONBLOCK: a pipe must not block the open.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  const absl::Cleanup close = [fd] {
    if (fd >= 0) ::close(fd);
  };
  struct stat info {};
  if (fd < 0 || ::fstat(fd, &info) != 0) return Unreadable(path);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is not a regular file"));
  }
  if (const mode_t wrong = info.st_mode & forbidden; wrong != 0) {
    const bool everybody = (wrong & (S_IROTH | S_IWOTH)) != 0;
    const bool writes = (wrong & (everybody ? S_IWOTH : S_IWGRP)) != 0;
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", everybody ? "every user of this machine" : "its group", " may ",
                     writes ? "write" : "read", " it; chmod ", everybody ? "o-" : "g-",
                     writes ? "w " : "r ", path));
  }
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": belongs to user ", info.st_uid,
                                                   "; chown it to root or to this user"));
  }
  std::string text;
  char part[4096];
  ssize_t size = 0;
  while ((size = ::read(fd, part, sizeof part)) > 0) text.append(part, static_cast<size_t>(size));
  if (size < 0) return Unreadable(path);
  return text;
}

void ConfigErrors::Add(unsigned line, absl::string_view text) {
  // An absent key of the whole file has no line.
  std::string error =
      line == 0 ? absl::StrCat(file_, ": ", text) : absl::StrCat(file_, ":", line, ": ", text);
  // A value, or TOML++'s description of it, may contain line ends and control characters.
  std::replace_if(error.begin(), error.end(), absl::ascii_iscntrl, '?');
  lines_.push_back(std::move(error));
}

std::string ConfigErrors::Text() const { return absl::StrJoin(lines_, "\n"); }

TomlTable::TomlTable(const toml::table& table, std::string name, ConfigErrors& errors)
    : table_(table), name_(std::move(name)), errors_(errors) {}

std::string TomlTable::PathOf(absl::string_view key) const {
  return absl::StrCat(name_, name_.empty() || key.empty() ? "" : ".", key);
}

const toml::node* TomlTable::Find(absl::string_view key) {
  known_.emplace_back(key);
  return table_.get(View(key));
}

void TomlTable::Error(absl::string_view key, absl::string_view text) {
  const toml::node* node = table_.get(View(key));
  const unsigned line = node != nullptr ? LineOf(*node) : name_.empty() ? 0 : LineOf(table_);
  errors_.Add(line, absl::StrCat(PathOf(key), " ", text));
}

std::string TomlTable::String(absl::string_view key, absl::string_view otherwise) {
  const toml::node* node = Find(key);
  if (node == nullptr) return std::string(otherwise);
  if (const auto value = node->value_exact<std::string>()) return *value;
  Error(key, absl::StrCat("must be a string, not ", TypeName(*node)));
  return std::string(otherwise);
}

std::string TomlTable::RequiredString(absl::string_view key) {
  std::string value = String(key, "");
  const toml::node* node = table_.get(View(key));
  if (node == nullptr) {
    Error(key, "is missing; set it");
  } else if (node->is_string() && value.empty()) {
    Error(key, "is empty; set it");
  }
  return value;
}

bool TomlTable::Bool(absl::string_view key, bool otherwise) {
  const toml::node* node = Find(key);
  if (node == nullptr) return otherwise;
  if (const auto value = node->value_exact<bool>()) return *value;
  Error(key, absl::StrCat("must be true or false, not ", TypeName(*node)));
  return otherwise;
}

int TomlTable::Integer(absl::string_view key, int otherwise, int least, int most) {
  const toml::node* node = Find(key);
  if (node == nullptr) return otherwise;
  const auto value = node->value_exact<std::int64_t>();
  if (value.has_value() && *value >= least && *value <= most) return static_cast<int>(*value);
  Error(key, absl::StrCat("must be an integer from ", least, " to ", most, ", not ",
                          value.has_value() ? absl::StrCat(*value) : TypeName(*node)));
  return otherwise;
}

absl::Duration TomlTable::Duration(absl::string_view key, absl::Duration otherwise,
                                   absl::Duration least, absl::Duration most) {
  const toml::node* node = Find(key);
  if (node == nullptr) return otherwise;
  const auto text = node->value_exact<std::string>();
  if (!text.has_value()) {
    Error(key,
          absl::StrCat("must be a duration in a string such as \"35m\", not ", TypeName(*node)));
    return otherwise;
  }
  absl::Duration value;
  if (!absl::ParseDuration(*text, &value)) {
    Error(key,
          absl::StrCat("must be a duration such as \"35m\" or \"1h30m\", not \"", *text, "\""));
    return otherwise;
  }
  if (value >= least && value <= most) return value;
  Error(key, absl::StrCat("must be from ", absl::FormatDuration(least), " to ",
                          absl::FormatDuration(most), ", not ", *text));
  return otherwise;
}

std::vector<std::string> TomlTable::Strings(absl::string_view key) {
  std::vector<std::string> strings;
  const toml::node* node = Find(key);
  if (node == nullptr) return strings;
  const toml::array* array = node->as_array();
  if (array == nullptr || !std::all_of(array->begin(), array->end(),
                                       [](const auto& each) { return each.is_string(); })) {
    Error(key, "must be an array of strings");
    return strings;
  }
  for (const toml::node& each : *array) strings.push_back(each.as_string()->get());
  return strings;
}

TomlTable TomlTable::Table(absl::string_view key) {
  const toml::node* node = Find(key);
  if (node != nullptr && !node->is_table()) {
    Error(key, absl::StrCat("must be a table [", PathOf(key), "], not ", TypeName(*node)));
    node = nullptr;
  }
  return {node == nullptr ? EmptyTable() : *node->as_table(), PathOf(key), errors_};
}

std::vector<TomlTable> TomlTable::Tables(absl::string_view key) {
  const toml::node* node = Find(key);
  std::vector<TomlTable> tables;
  if (node == nullptr) return tables;
  const toml::array* array = node->as_array();
  if (array == nullptr || !std::all_of(array->begin(), array->end(),
                                       [](const auto& each) { return each.is_table(); })) {
    Error(key, absl::StrCat("must be tables, each under [[", PathOf(key), "]]"));
    return tables;
  }
  for (const toml::node& each : *array) {
    tables.emplace_back(*each.as_table(), PathOf(key), errors_);
  }
  return tables;
}

std::vector<std::string> TomlTable::Names() const {
  std::vector<std::string> names;
  for (const auto& [key, value] : table_) names.emplace_back(key.str());
  return names;
}

void TomlTable::RefuseUnknown() {
  std::sort(known_.begin(), known_.end());
  for (const auto& [key, value] : table_) {
    if (std::binary_search(known_.begin(), known_.end(), key.str())) continue;
    errors_.Add(key.source().begin.line,
                absl::StrCat("unknown key \"", PathOf(std::string(key.str())),
                             "\"; known here: ", absl::StrJoin(known_, ", ")));
  }
}

}  // namespace billbroker
