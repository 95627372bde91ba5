// Checks that a parsed import document survives a round trip, and that an error is UTF-8.
#include <utility>
#include <vector>

#include "client/cli/import_document.h"
#include "tests/fuzz/fuzz_target.h"
#include "vault/base/json/json_writer.h"
#include "vault/base/utf8.h"

namespace billbroker {
namespace {

void Write(JsonWriter& json, const NewOrganization& organization) {
  json.Object(
      [&] { json.String("id", organization.id).String("dev_key", organization.dev_key.Reveal()); });
}

void Write(JsonWriter& json, const NewCredential& credential) {
  json.Object([&] {
    json.String("name", credential.name)
        .String("environment", credential.environment)
        .String("kind", credential.kind == v1::CREDENTIAL_KIND_USER ? "user" : "console")
        .String("username", credential.username)
        .String("device", credential.device)
        .String("dev_key", credential.dev_key.Reveal())
        .String("password", credential.password.Reveal())
        .String("console_api_token", credential.console_api_token.Reveal())
        .String("remember_me_id", credential.remember_me_id.Reveal())
        .Bool("sync_token", credential.sync_token);
    json.Key("organizations").Array([&] {
      for (const NewOrganization& organization : credential.organizations) {
        Write(json, organization);
      }
    });
  });
}

SecretString Write(const std::vector<NewCredential>& credentials) {
  JsonWriter json;
  json.Object([&] {
    json.Key("credentials").Array([&] {
      for (const NewCredential& each : credentials) Write(json, each);
    });
  });
  return std::move(json).Build();
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
