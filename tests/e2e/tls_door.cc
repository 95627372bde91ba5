#include "tests/e2e/tls_door.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace billbroker {

TlsDoor::TlsDoor() {
  PutServer(pki_.Issue({"broker", "DNS:localhost,IP:127.0.0.1"}));
  Rename(pki_.Ca(), "clients-ca.pem");
}

std::string TlsDoor::Config(const std::string& services) const {
  return absl::StrCat("[[listener]]\naddress = \"127.0.0.1:0\"\nservices = [", services,
                      "]\ncertificate_file = \"", File("server.pem"), "\"\nkey_file = \"",
                      File("server.key"), "\"\nclient_ca_file = \"", File("clients-ca.pem"),
                      "\"\n");
}

void TlsDoor::Rename(const std::string& file, const std::string& place) const {
  std::filesystem::copy_file(file, File("next"));
  std::filesystem::rename(File("next"), File(place));
}

void TlsDoor::PutServer(const Pki::Pair& pair) const {
  Rename(pair.certificate, "server.pem");
  Rename(pair.key, "server.key");
}

ClientOptions TlsDoor::ClientOf(const House& house, const Pki::Pair& client) {
  ClientOptions options;
  options.address = AddressOf(house);
  options.call_timeout = absl::Seconds(20);
  options.tls = {pki_.Ca(), client.certificate, client.key};
  return options;
}

std::string TlsDoor::AddressOf(const House& house) {
  std::istringstream log(house.Log());
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
