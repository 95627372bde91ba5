#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "client/cli/render.h"
#include "client/cli/table.h"
#include "client/proto_time.h"

namespace billbroker {
namespace {

std::string StateWord(const v1::VaultStatus& vault) {
  return EnumWord(v1::VaultState_Name(vault.state()), "VAULT_STATE_");
}

void AddVault(const v1::VaultStatus& vault, Table& table) {
  table.Add(
      {"keyring", absl::StrCat(StateWord(vault), "; ", Counted(vault.credentials(), "credential"),
                               ", ", Counted(vault.organizations(), "organization"),
                               vault.directory_complete() ? "" : "; not read to the end yet")});
  if (!vault.fix().empty()) table.Add({"", absl::StrCat("fix: ", vault.fix())});
  if (!vault.invalid_documents().empty()) {
    table.Add({"", absl::StrCat("not credentials of this broker: ",
                                absl::StrJoin(vault.invalid_documents(), ", "))});
  }
}

std::string MemoryForPeople(const v1::MemoryStatus& memory) {
  const std::string text = absl::StrCat(BytesText(memory.secret_bytes()), " for secrets, ");
  return memory.unlocked_bytes() == 0 ? text + "all locked"
                                      : absl::StrCat(text, BytesText(memory.unlocked_bytes()),
                                                     " NOT locked: raise RLIMIT_MEMLOCK");
}

}  // namespace

Json StatusJson(const v1::GetStatusResponse& status) {
  const v1::VaultStatus& vault = status.vault();
  const v1::SessionCounts& sessions = status.sessions();
  Json json = {{"version", status.version()},
               {"start_time", TimeText(status.start_time())},
               {"draining", status.draining()},
               {"vault",
                {{"state", StateWord(vault)},
                 {"fix", vault.fix()},
                 {"directory_complete", vault.directory_complete()},
                 {"credentials", vault.credentials()},
                 {"organizations", vault.organizations()},
                 {"invalid_documents", Json::array()}}},
               {"sessions",
                {{"live", sessions.live()},
                 {"signing_in", sessions.signing_in()},
                 {"quarantined", sessions.quarantined()},
                 {"sign_ins", sessions.sign_ins()},
                 {"failed_sign_ins", sessions.failed_sign_ins()}}},
               {"environments", Json::array()},
               {"memory",
                {{"secret_bytes", status.memory().secret_bytes()},
                 {"unlocked_bytes", status.memory().unlocked_bytes()}}}};
  for (const std::string& name : vault.invalid_documents()) {
    json["vault"]["invalid_documents"].push_back(name);
  }
  for (const v1::EnvironmentStatus& environment : status.environments()) {
    json["environments"].push_back(
        {{"name", environment.name()}, {"base_url", environment.base_url()}});
  }
  return json;
}

void PrintStatus(const v1::GetStatusResponse& status, absl::Time now, std::ostream& out) {
  const v1::SessionCounts& sessions = status.sessions();
  Table table;
  table.Add({"broker",
             absl::StrCat(status.version(), ", up ", LengthText(now - TimeOf(status.start_time())),
                          status.draining() ? ", shutting down" : "")});
  AddVault(status.vault(), table);
  table.Add({"sessions", absl::StrCat(sessions.live(), " live, ", sessions.signing_in(),
                                      " signing in, ", sessions.quarantined(), " quarantined")});
  table.Add({"sign-ins", absl::StrCat(sessions.sign_ins(), " sent since the start, ",
                                      sessions.failed_sign_ins(), " refused")});
  for (const v1::EnvironmentStatus& environment : status.environments()) {
    table.Add({"environment", absl::StrCat(environment.name(), "  ", environment.base_url())});
  }
  table.Add({"memory", MemoryForPeople(status.memory())});
  table.Print(out);
}

}  // namespace billbroker
