#include "client/cli/secrets_json.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "vault/base/json/json_reader.h"

namespace billbroker {
namespace {

constexpr absl::string_view kOrganizationKeys = "organization_dev_keys";

class SecretsParser final {
 public:
  explicit SecretsParser(absl::string_view json) : reader_(json) {}

  absl::StatusOr<SecretsInput> Parse() {
    const bool parsed =
        reader_.Object([this](absl::string_view key) { return Member(key); }) && reader_.AtEnd();
    if (!refusal_.ok()) return refusal_;
    if (parsed) return std::move(input_);
    return absl::InvalidArgumentError(
        "standard input is not one JSON object of secrets; write {\"dev_key\": \"...\", "
        "\"password\": \"...\"}, all values strings");
  }

 private:
  bool Member(absl::string_view key) {
    ++members_;
    if (key == kOrganizationKeys) {
      return reader_.Object([this](absl::string_view id) {
        return Once(input_.organization_dev_keys[std::string(id)]);
      });
    }
    if (key == "dev_key") return Once(input_.dev_key);
    if (key == "password") return Once(input_.password);
    if (key == "console_api_token") return Once(input_.console_api_token);
    if (key == "app_key") return Once(input_.app_key);
    if (key == "remember_me_id") return Once(input_.remember_me_id);
    // Not repeated: it may be a secret in the wrong place.
    return Refuse(absl::StrCat("member ", members_,
                               " on standard input is not known; known are dev_key, "
                               "password, console_api_token, app_key, remember_me_id and "
                               "organization_dev_keys"));
  }

  // The later of two values would win unseen.
  bool Once(SecretString& value) {
    if (value.empty()) return reader_.String(value);
    return Refuse(
        absl::StrCat("member ", members_, " on standard input is there already; give it once"));
  }

  bool Refuse(absl::string_view why) {
    refusal_ = absl::InvalidArgumentError(why);
    return false;
  }

  JsonReader reader_;
  SecretsInput input_;
  absl::Status refusal_;
  int members_ = 0;
};

}  // namespace

absl::StatusOr<SecretsInput> ParseSecrets(absl::string_view json) {
  return SecretsParser(json).Parse();
}

}  // namespace billbroker
