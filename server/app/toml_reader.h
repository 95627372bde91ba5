// TomlTable: reads one TOML table key by key, and reports everything that is wrong by line and
// name.
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

// The text of the file at `path`, which is root's or this user's and has no bit of `forbidden` in
// its mode. kInvalidArgument with the fix.
[[nodiscard]] absl::StatusOr<std::string> ReadGuardedFile(const std::string& path,
                                                          mode_t forbidden);

// What is wrong with a configuration file, as "FILE:LINE: text".
class ConfigErrors final {
 public:
  explicit ConfigErrors(std::string file) : file_(std::move(file)) {}

  void Add(unsigned line, absl::string_view text);
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] std::string Text() const;  // one line each

 private:
  const std::string file_;
  std::vector<std::string> lines_;
};

// Each reader returns `otherwise` where the key is absent or wrong; a wrong one is reported. A key
// that no reader asked for is unknown. Borrows the table and the errors.
class TomlTable final {
 public:
  // `name` is the path that errors name keys under: "session", "environments.sandbox"; empty for
  // the whole file.
  TomlTable(const toml::table& table, std::string name, ConfigErrors& errors);

  [[nodiscard]] std::string String(absl::string_view key, absl::string_view otherwise);
  // As String(), and reported where it is absent or empty.
  [[nodiscard]] std::string RequiredString(absl::string_view key);
  [[nodiscard]] bool Bool(absl::string_view key, bool otherwise);
  [[nodiscard]] int Integer(absl::string_view key, int otherwise, int least, int most);
  // A string such as "35m" or "1h30m".
  [[nodiscard]] absl::Duration Duration(absl::string_view key, absl::Duration otherwise,
                                        absl::Duration least, absl::Duration most);
  // An array of strings; empty where it is absent.
  [[nodiscard]] std::vector<std::string> Strings(absl::string_view key);
  // The table under `key`; an empty one where it is absent.
  [[nodiscard]] TomlTable Table(absl::string_view key);
  // The tables of [[key]], in order.
  [[nodiscard]] std::vector<TomlTable> Tables(absl::string_view key);
  // All keys, for a table whose keys are names.
  [[nodiscard]] std::vector<std::string> Names() const;

  // Reports "`key` `text`" at the line of `key`, or at the table's where it is absent; an empty key
  // means the table itself.
  void Error(absl::string_view key, absl::string_view text);
  // Reports every key that was not asked for.
  void RefuseUnknown();

 private:
  [[nodiscard]] const toml::node* Find(absl::string_view key);
  [[nodiscard]] std::string PathOf(absl::string_view key) const;

  const toml::table& table_;
  const std::string name_;
  ConfigErrors& errors_;
  std::vector<std::string> known_;
};

// What `read` makes of the whole file. kInvalidArgument with all that is wrong with it: "FILE:LINE:
// what and how to mend it", one line each; `file` is only that name.
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
