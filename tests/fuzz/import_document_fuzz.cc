// Checks that a parsed import document survives a round trip, and that an error is UTF-8.
#include <utility>
#include <vector>

#include "client/cli/import_document.h"
#include "tests/fuzz/fuzz_target.h"
#include "vault/base/json/json_reader.h"
#include "vault/base/json/json_string.h"
#include "vault/base/utf8.h"

namespace billbroker {
namespace {

// Adds {"KEY":"TEXT" or ,"KEY":"TEXT".
void Add(const char* before_key, absl::string_view text, SecretBuilder& to) {
  AppendJsonString(to.Append(before_key).Append("\":"), text);
}

void Add(const NewCredential& credential, SecretBuilder& to) {
  Add("{\"name", credential.name, to);
  Add(",\"environment", credential.environment, to);
  Add(",\"kind", credential.kind == v1::CREDENTIAL_KIND_USER ? "user" : "console", to);
  Add(",\"username", credential.username, to);
  Add(",\"device", credential.device, to);
  Add(",\"dev_key", credential.dev_key.Reveal(), to);
  Add(",\"password", credential.password.Reveal(), to);
  Add(",\"console_api_token", credential.console_api_token.Reveal(), to);
  Add(",\"remember_me_id", credential.remember_me_id.Reveal(), to);
  to.Append(credential.sync_token ? ",\"sync_token\":true" : "").Append(",\"organizations\":[");
  const char* comma = "";
  for (const NewOrganization& organization : credential.organizations) {
    Add("{\"id", organization.id, to.Append(comma));
    Add(",\"dev_key", organization.dev_key.Reveal(), to);
    to.Append("}");
    comma = ",";
  }
  to.Append("]}");
}

SecretString Write(const std::vector<NewCredential>& credentials) {
  SecretBuilder text;
  text.Append("{\"credentials\":[");
  const char* comma = "";
  for (const NewCredential& each : credentials) {
    Add(each, text.Append(comma));
    comma = ",";
  }
  text.Append("]}");
  return std::move(text).Build();
}

}  // namespace
}  // namespace billbroker

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using billbroker::Require;
  const auto read = billbroker::ParseImport(billbroker::TextOf(data, size));
  if (!read.ok()) {
    Require(billbroker::IsUtf8(read.status().message()), "an error is UTF-8");
    return 0;
  }
  const billbroker::SecretString written = billbroker::Write(*read);
  const auto again = billbroker::ParseImport(written.Reveal());
  Require(again.ok(), "a written document is read");
  Require(billbroker::Write(*again) == written, "a document survives a round trip");
  return 0;
}
