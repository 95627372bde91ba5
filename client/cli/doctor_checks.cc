#include "client/cli/doctor_checks.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/broker_address.h"
#include "client/cli/exit_code.h"
#include "client/cli/format.h"

namespace billbroker {
namespace {

constexpr std::uint64_t kEnoughLockableBytes = 1024 * 1024;
constexpr int kKeyringSteps = 5;

constexpr char kMemlockFix[] =
    "raise RLIMIT_MEMLOCK: LimitMEMLOCK=64M in the unit, 'ulimit -l 65536' in a shell, "
    "--ulimit memlock=67108864 for a container";

// Returns the number of steps that are in order for a keyring in `state`: the bus, the provider,
// the collection, its lock, the master key.
int Reached(v1::VaultState state) {
  switch (state) {
    case v1::VAULT_STATE_READY:
      return kKeyringSteps;
    case v1::VAULT_STATE_REPLACED:
    case v1::VAULT_STATE_KEY_INVALID:
      return 4;
    case v1::VAULT_STATE_LOCKED:
    case v1::VAULT_STATE_NEEDS_CONFIRMATION:
      return 3;
    case v1::VAULT_STATE_NO_COLLECTION:
      return 2;
    case v1::VAULT_STATE_NO_PROVIDER:
    case v1::VAULT_STATE_TIMED_OUT:
    case v1::VAULT_STATE_FAILING:
    case v1::VAULT_STATE_NOT_ENCRYPTED:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

bool IsRefusal(const BrokerStatus& status) { return ExitCodeOf(status.status()) == kExitDenied; }

bool IsKnowable(const BrokerStatus& status, const ClientOptions& broker) {
  return status.ok() || (IsOnThisMachine(broker) && !IsRefusal(status));
}

Finding Untold(std::string check, const BrokerStatus& status) {
  return {std::move(check), CheckState::kSkipped,
          IsRefusal(status) ? "the broker refuses this user" : "the broker is silent", ""};
}

absl::string_view CheckStateName(CheckState state) {
  switch (state) {
    case CheckState::kOk:
      return "ok";
    case CheckState::kProblem:
      return "problem";
    case CheckState::kSkipped:
      break;
  }
  return "skipped";
}

Finding CheckConfiguration(Host& host, const std::string& config_file) {
  if (config_file.empty()) {
    return {"configuration", CheckState::kSkipped, "no file was named; --config FILE checks it",
            ""};
  }
  const absl::StatusOr<ProgramResult> result =
      host.Run({"billbrokerd", "--check-config", "--config", config_file});
  if (!result.ok()) {
    return {"configuration", CheckState::kProblem, std::string(result.status().message()),
            "install billbrokerd beside this program or in PATH"};
  }
  if (result->exit_code == 0) {
    return {"configuration", CheckState::kOk, absl::StrCat(config_file, " is in order"), ""};
  }
  return {"configuration", CheckState::kProblem,
          std::string(absl::StripAsciiWhitespace(result->output)),
          absl::StrCat("mend ", config_file, " as said")};
}

Finding CheckBroker(const BrokerStatus& status, const ClientOptions& broker) {
  const std::string place = PlaceOf(broker);
  if (ExitCodeOf(status.status()) == kExitUnreachable) {
    return {"broker", CheckState::kProblem, absl::StrCat("no broker answers on ", place),
            UnreachableFix(broker)};
  }
  if (IsRefusal(status)) {
    return {"broker", CheckState::kProblem,
            absl::StrCat("a broker answers on ", place,
                         ", and does not let you ask: ", status.status().message()),
            "have an administrator of the broker grant your user the role operator in its policy"};
  }
  if (!status.ok()) {
    return {"broker", CheckState::kProblem, std::string(status.status().message()),
            "look at the broker's log: journalctl -u billbrokerd"};
  }
  const std::string text = absl::StrCat("version ", status->version(), " answers on ", place);
  if (!status->draining()) return {"broker", CheckState::kOk, text, ""};
  return {"broker", CheckState::kProblem, text + " and is shutting down", "start it again"};
}

Finding CheckMemory(const BrokerStatus& status, const Host& host) {
  if (status.ok()) {
    const v1::MemoryStatus& memory = status->memory();
    if (memory.unlocked_bytes() == 0) {
      return {"memlock", CheckState::kOk,
              absl::StrCat("the broker's ", BytesText(memory.secret_bytes()),
                           " for secrets are locked"),
              ""};
    }
    return {"memlock", CheckState::kProblem,
            absl::StrCat(BytesText(memory.unlocked_bytes()),
                         " of the broker's secret memory may reach the swap"),
            kMemlockFix};
  }
  const absl::optional<std::uint64_t> limit = host.LockableBytes();
  if (!limit.has_value()) return {"memlock", CheckState::kOk, "this user may lock all memory", ""};
  const std::string text = absl::StrCat("this user may lock ", BytesText(*limit));
  if (*limit >= kEnoughLockableBytes) return {"memlock", CheckState::kOk, text, ""};
  return {"memlock", CheckState::kProblem, text, kMemlockFix};
}

Finding CheckAudit(const BrokerStatus& status) {
  if (!status.ok()) return Untold("audit", status);
  const v1::AuditStatus& audit = status->audit();
  if (!audit.writable()) {
    return {"audit", CheckState::kProblem,
            absl::StrCat("sign-ins and changes are refused: ", audit.message()),
            "make it writable again; the broker then continues by itself"};
  }
  if (!audit.message().empty()) {
    return {"audit", CheckState::kProblem, audit.message(),
            "fix the cause, and compare the log with a copy that was kept elsewhere"};
  }
  return {"audit", CheckState::kOk, absl::StrCat(audit.file(), " can be written"), ""};
}

Finding CheckStore(const BrokerStatus& status) {
  if (!status.ok()) return Untold("store", status);
  const v1::StoreStatus& store = status->store();
  switch (store.state()) {
    case v1::STORE_STATE_READY:
      return {"store", CheckState::kOk, absl::StrCat(Printable(store.file()), " can be written"),
              ""};
    case v1::STORE_STATE_DEGRADED:
    case v1::STORE_STATE_MEMORY_ONLY:
    case v1::STORE_STATE_NOT_ANSWERING:
      return {"store", CheckState::kProblem,
              absl::StrCat(Printable(store.message()), " (since ", TimeText(store.since_time()),
                           "); at most one sign-in of each BILL user may fail in an hour"),
              "remove the cause; the broker tries again by itself"};
    default:
      return {"store", CheckState::kSkipped, "it waits for its key from the keyring", ""};
  }
}

std::vector<Finding> CheckKeyring(const v1::VaultStatus& vault, absl::string_view whose,
                                  absl::string_view bus_address) {
  struct Step {
    const char* check;
    const char* in_order;
    const char* broken;  // if the observation is not known
  };
  constexpr Step kSteps[kKeyringSteps] = {
      {"bus", "the D-Bus session bus answers", "no D-Bus session bus"},
      {"provider", "a Secret Service is on the bus", "no Secret Service answers on the bus"},
      {"collection", "there is a default collection", "there is no default collection"},
      {"lock", "the collection is unlocked", "the collection is locked"},
      {"key", "it has the broker's master key", "it does not have the broker's master key"}};
  if (vault.state() == v1::VAULT_STATE_UNKNOWN || vault.state() == v1::VAULT_STATE_UNSPECIFIED) {
    return {{"keyring", CheckState::kSkipped, absl::StrCat(whose, ": not asked yet"), ""}};
  }
  std::vector<Finding> findings;
  const int reached = Reached(vault.state());
  // The key of a broker that is not asked is not known.
  const bool key_known = reached == kKeyringSteps ? vault.all_credentials_read() : true;
  for (int i = 0; i < kKeyringSteps - (key_known ? 0 : 1); ++i) {
    const Step& step = kSteps[i];
    if (i < reached) {
      findings.push_back(
          {step.check, CheckState::kOk, absl::StrCat(whose, ": ", step.in_order), ""});
    } else if (i == reached) {
      findings.push_back(
          {step.check, CheckState::kProblem,
           absl::StrCat(whose, ": ", vault.detail().empty() ? step.broken : vault.detail()),
           vault.fix()});
    } else {
      findings.push_back(
          {step.check, CheckState::kSkipped, "depends on the missing part above", ""});
    }
  }
  const std::string bus =
      vault.bus_address().empty() ? std::string(bus_address) : Printable(vault.bus_address());
  if (!absl::StrContains(findings.front().text, bus)) {
    absl::StrAppend(&findings.front().text, " (", bus, ")");
  }
  if (reached > 1 && !vault.provider().empty()) {
    absl::StrAppend(&findings[1].text, " (", Printable(vault.provider()), ", process ",
                    vault.provider_process_id(), ")");
  }
  if (!vault.invalid_documents().empty()) {
    findings.push_back({"documents", CheckState::kProblem,
                        absl::StrCat("cannot be read as credentials: ",
                                     absl::StrJoin(vault.invalid_documents(), ", ")),
                        "the broker's log has the reason of each; restore them, or remove them "
                        "with secret-tool or a keyring manager"});
  }
  return findings;
}

}  // namespace billbroker
