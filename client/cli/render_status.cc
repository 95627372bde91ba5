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

std::string StoreWord(const v1::StoreStatus& store) {
  return EnumWord(v1::StoreState_Name(store.state()), "STORE_STATE_");
}

std::string AuditForPeople(const v1::AuditStatus& audit) {
  if (!audit.writable()) {
    return absl::StrCat("sign-ins and changes are refused: ", Printable(audit.message()));
  }
  return absl::StrCat(Printable(audit.file()), audit.message().empty() ? "" : "; ",
                      Printable(audit.message()));
}

absl::string_view StoreStateForPeople(v1::StoreState state) {
  switch (state) {
    case v1::STORE_STATE_WAITING:
      return "waits for its key from the keyring";
    case v1::STORE_STATE_READY:
      return "ready; sessions outlive a restart";
    case v1::STORE_STATE_DEGRADED:
      return "DEGRADED: writes fail; a restart forgets the newest changes";
    case v1::STORE_STATE_MEMORY_ONLY:
      return "NOT OPEN: a restart forgets all sessions";
    case v1::STORE_STATE_NOT_ANSWERING:
      return "NOT ANSWERING: its disk hangs; a restart forgets the newest changes";
    default:
      return "";
  }
}

void AddStore(const v1::StoreStatus& store, absl::Time now, Table& table) {
  const absl::string_view state = StoreStateForPeople(store.state());
  if (state.empty()) return;
  table.Add({"store", std::string(state)});
  const bool works =
      store.state() == v1::STORE_STATE_READY || store.state() == v1::STORE_STATE_WAITING;
  if (works) return;
  table.Add({"", absl::StrCat("for ", LengthText(now - TimeOf(store.since_time())), ": ",
                              Printable(store.message()))});
  if (store.has_next_try_time()) {
    table.Add({"", absl::StrCat("tried again in ", WaitText(TimeOf(store.next_try_time()) - now))});
  }
  table.Add({"", "at most one sign-in of each BILL user may fail in an hour"});
}

Json StoreJson(const v1::StoreStatus& store) {
  return {
      {"state", StoreWord(store)},
      {"file", store.file()},
      {"message", store.message()},
      {"since_time", store.has_since_time() ? Json(TimeText(store.since_time())) : Json(nullptr)},
      {"next_try_time",
       store.has_next_try_time() ? Json(TimeText(store.next_try_time())) : Json(nullptr)}};
}

Json CountsJson(const v1::SessionCounts& sessions) {
  return {{"live_count", sessions.live_count()},
          {"signing_in_count", sessions.signing_in_count()},
          {"queued_count", sessions.queued_count()},
          {"quarantined_count", sessions.quarantined_count()},
          {"sign_in_count", sessions.sign_in_count()},
          {"failed_sign_in_count", sessions.failed_sign_in_count()}};
}

Json BudgetJson(const v1::LoginBudget& budget) {
  return {{"environment", budget.environment()},
          {"dev_key_id", budget.dev_key_id()},
          {"limit", budget.limit()},
          {"used_count", budget.used_count()},
          {"queued_count", budget.queued_count()},
          {"rate_limit_end_time", budget.has_rate_limit_end_time()
                                      ? Json(TimeText(budget.rate_limit_end_time()))
                                      : Json(nullptr)}};
}

void AddBudgets(const v1::GetStatusResponse& status, absl::Time now, Table& table) {
  for (const v1::LoginBudget& budget : status.login_budgets()) {
    std::string text = absl::StrCat(budget.environment(), "  devKey ", budget.dev_key_id(), ": ",
                                    budget.used_count(), " of ", budget.limit(),
                                    " sign-ins an hour, ", budget.queued_count(), " waiting");
    if (budget.has_rate_limit_end_time()) {
      absl::StrAppend(&text, "; BILL's limit ends in ",
                      WaitText(TimeOf(budget.rate_limit_end_time()) - now));
    }
    table.Add({"budget", text});
  }
}

void AddVault(const v1::VaultStatus& vault, Table& table) {
  table.Add({"keyring",
             absl::StrCat(StateWord(vault), "; ", Counted(vault.credential_count(), "credential"),
                          ", ", Counted(vault.organization_count(), "organization"),
                          vault.all_credentials_read() ? "" : "; not read to the end yet")});
  if (!vault.provider().empty()) {
    std::string provider =
        absl::StrCat(Printable(vault.provider()), ", process ", vault.provider_process_id());
    if (!vault.transfer_encryption().empty()) {
      absl::StrAppend(&provider, ", transfer encryption ", Printable(vault.transfer_encryption()));
    }
    table.Add({"", std::move(provider)});
  }
  if (!vault.bus_address().empty()) table.Add({"", Printable(vault.bus_address())});
  if (!vault.detail().empty()) table.Add({"", Printable(vault.detail())});
  if (!vault.fix().empty()) table.Add({"", absl::StrCat("fix: ", Printable(vault.fix()))});
  if (!vault.invalid_documents().empty()) {
    table.Add({"", absl::StrCat("cannot be read as credentials: ",
                                absl::StrJoin(vault.invalid_documents(), ", "))});
  }
}

void AddMfa(const v1::MfaStatus& mfa, Table& table) {
  if (mfa.remembered_count() == 0) return;
  table.Add({"MFA trust",
             absl::StrCat(Counted(mfa.remembered_count(), "rememberMeId"), ", ",
                          mfa.expiring_count(), " for less than a week, ", mfa.expired_count(),
                          " expired, ", mfa.refused_count(), " not taken by BILL")});
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
  Json json = {{"version", status.version()},
               {"start_time", TimeText(status.start_time())},
               {"draining", status.draining()},
               {"vault",
                {{"state", StateWord(vault)},
                 {"detail", vault.detail()},
                 {"fix", vault.fix()},
                 {"bus_address", vault.bus_address()},
                 {"provider", vault.provider()},
                 {"provider_process_id", vault.provider_process_id()},
                 {"transfer_encryption", vault.transfer_encryption()},
                 {"all_credentials_read", vault.all_credentials_read()},
                 {"credential_count", vault.credential_count()},
                 {"organization_count", vault.organization_count()},
                 {"invalid_documents", Json::array()}}},
               {"sessions", CountsJson(status.sessions())},
               {"mfa",
                {{"remembered_count", status.mfa().remembered_count()},
                 {"expiring_count", status.mfa().expiring_count()},
                 {"expired_count", status.mfa().expired_count()},
                 {"refused_count", status.mfa().refused_count()}}},
               {"login_budgets", Json::array()},
               {"store", StoreJson(status.store())},
               {"audit",
                {{"writable", status.audit().writable()},
                 {"message", status.audit().message()},
                 {"file", status.audit().file()},
                 {"session_reads_recorded", status.audit().session_reads_recorded()}}},
               {"environments", Json::array()},
               {"memory",
                {{"secret_bytes", status.memory().secret_bytes()},
                 {"unlocked_bytes", status.memory().unlocked_bytes()}}}};
  for (const std::string& name : vault.invalid_documents()) {
    json["vault"]["invalid_documents"].push_back(name);
  }
  for (const v1::LoginBudget& budget : status.login_budgets()) {
    json["login_budgets"].push_back(BudgetJson(budget));
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
  table.Add({"sessions",
             absl::StrCat(sessions.live_count(), " live, ", sessions.signing_in_count(),
                          " signing in, ", sessions.queued_count(), " waiting for their turn, ",
                          sessions.quarantined_count(), " quarantined")});
  table.Add({"sign-ins", absl::StrCat(sessions.sign_in_count(), " sent since the start, ",
                                      sessions.failed_sign_in_count(), " refused")});
  AddMfa(status.mfa(), table);
  AddBudgets(status, now, table);
  AddStore(status.store(), now, table);
  if (status.has_audit()) table.Add({"audit", AuditForPeople(status.audit())});
  for (const v1::EnvironmentStatus& environment : status.environments()) {
    table.Add({"environment", absl::StrCat(environment.name(), "  ", environment.base_url())});
  }
  table.Add({"memory", MemoryForPeople(status.memory())});
  table.Print(out);
}

}  // namespace billbroker
