// TomlTable: reads one TOML table key by key, and reports every error by line and name.
#pragma once

#include <sys/types.h>
#include <toml++/toml.h>

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace billbroker {

// Returns the text of the file at `path`, which must belong to root or this user and have no bit of
// `forbidden` in its mode. Fails with kInvalidArgument and the fix.
[[nodiscard]] absl::StatusOr<std::string> ReadGuardedFile(const std::string& path,
                                                          mode_t forbidden);

// The errors of a configuration file, as "FILE:LINE: text".
class ConfigErrors final {
 public:
  explicit ConfigErrors(std::string file) : file_(std::move(file)) {}

  void Add(unsigned line, absl::string_view text);
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] std::string Text() const;  // one line for each error

 private:
  const std::string file_;
  std::vector<std::string> lines_;
};

// Each reader returns `otherwise` if the key is absent or invalid, and reports an invalid value. A
// key that no reader asked for is unknown. Borrows the table and the errors.
class TomlTable final {
 public:
  // `name` is the path before the key names in errors: "session", "environments.sandbox"; empty for
  // the whole file.
  TomlTable(const toml::table& table, std::string name, ConfigErrors& errors);

  [[nodiscard]] std::string String(absl::string_view key, absl::string_view otherwise);
  // Reads like String(), and reports an absent or empty value.
  [[nodiscard]] std::string RequiredString(absl::string_view key);
  [[nodiscard]] bool Bool(absl::string_view key, bool otherwise);
  [[nodiscard]] int Integer(absl::string_view key, int otherwise, int least, int most);
  // Reads a string such as "35m" or "1h30m".
  [[nodiscard]] absl::Duration Duration(absl::string_view key, absl::Duration otherwise,
                                        absl::Duration least, absl::Duration most);
  // Reads an array of strings; empty if it is absent.
  [[nodiscard]] std::vector<std::string> Strings(absl::string_view key);
  // Returns the table under `key`; an empty one if it is absent.
  [[nodiscard]] TomlTable Table(absl::string_view key);
  // Returns the tables of [[key]], in order.
  [[nodiscard]] std::vector<TomlTable> Tables(absl::string_view key);
  // Returns all keys, for a table whose keys are names.
  [[nodiscard]] std::vector<std::string> Names() const;

  // Reports "`key` `text`" at the line of `key`, or of the table if it is absent; an empty key
  // means the table itself.
  void Error(absl::string_view key, absl::string_view text);
  // Reports every key that no reader asked for.
  void RefuseUnknown();

 private:
  [[nodiscard]] const toml::node* Find(absl::string_view key);
  [[nodiscard]] std::string PathOf(absl::string_view key) const;

  const toml::table& table_;
  const std::string name_;
  ConfigErrors& errors_;
  std::vector<std::string> known_;
};

// Returns the result of `read` for the whole file. Fails with kInvalidArgument and all errors, one
// in each line: "FILE:LINE: error and fix". `file` is only used in these messages.
template <typename Read>
[[nodiscard]] absl::StatusOr<std::invoke_result_t<Read, TomlTable&>> ParseToml(
    absl::string_view text, absl::string_view file, const Read& read) {
  ConfigErrors errors{std::string(file)};
  try {
    const toml::table table = toml::parse(std::string_view(text.data(), text.size()));
    TomlTable root(table, "", errors);
    auto value = read(root);
    if (errors.empty()) return value;
  } catch (const toml::parse_error& error) {
    errors.Add(error.source().begin.line,
               absl::StrCat("not valid TOML: ", std::string(error.description())));
  }
  return absl::InvalidArgumentError(errors.Text());
}

}  // namespace billbroker
