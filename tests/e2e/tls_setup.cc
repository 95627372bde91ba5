#include "tests/e2e/tls_setup.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace billbroker {

TlsSetup::TlsSetup() {
  PutServer(pki_.Issue({"broker", "DNS:localhost,IP:127.0.0.1"}));
  Rename(pki_.Ca(), "clients-ca.pem");
}

std::string TlsSetup::Config(const std::string& services) const {
  return absl::StrCat("[[listener]]\naddress = \"127.0.0.1:0\"\nservices = [", services,
                      "]\ncertificate_file = \"", File("server.pem"), "\"\nkey_file = \"",
                      File("server.key"), "\"\nclient_ca_file = \"", File("clients-ca.pem"),
                      "\"\n");
}

void TlsSetup::Rename(const std::string& file, const std::string& place) const {
  std::filesystem::copy_file(file, File("next"));
  std::filesystem::rename(File("next"), File(place));
}

void TlsSetup::PutServer(const Pki::Pair& pair) const {
  Rename(pair.certificate, "server.pem");
  Rename(pair.key, "server.key");
}

ClientOptions TlsSetup::ClientOf(const TestEnvironment& env, const Pki::Pair& client) {
  ClientOptions options;
  options.address = AddressOf(env);
  options.call_timeout = absl::Seconds(20);
  options.tls = {pki_.Ca(), client.certificate, client.key};
  return options;
}

std::string TlsSetup::AddressOf(const TestEnvironment& env) {
  std::istringstream log(env.Log());
  std::string address;
  for (std::string line; std::getline(log, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || json.value("event", "") != "ready") continue;
    for (const auto& listener : json["listeners"]) {
      absl::string_view name = listener.get_ref<const std::string&>();
      if (absl::ConsumePrefix(&name, "tls:")) address = std::string(name);
    }
  }
  return address;
}

}  // namespace billbroker
