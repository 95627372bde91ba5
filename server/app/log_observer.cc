#include "server/app/log_observer.h"

#include <string>

#include "vault/base/error.h"

namespace billbroker {

void LogObserver::SignInSent(absl::string_view credential, absl::string_view organization_id) {
  log_.Write(
      LogLevel::kDebug, "sign_in_sent",
      {{"credential", std::string(credential)}, {"organization_id", std::string(organization_id)}});
}

void LogObserver::SignInEnded(absl::string_view credential, absl::string_view organization_id,
                              const absl::Status& outcome, std::uint64_t generation) {
  if (outcome.ok()) {
    log_.Write(LogLevel::kInfo, "signed_in",
               {{"credential", std::string(credential)},
                {"organization_id", std::string(organization_id)},
                {"generation", generation}});
    return;
  }
  const absl::optional<ErrorDetails> details = DetailsOf(outcome);
  log_.Write(LogLevel::kWarning, "sign_in_failed",
             {{"credential", std::string(credential)},
              {"organization_id", std::string(organization_id)},
              {"reason", details.has_value() ? std::string(ReasonName(details->reason)) : ""},
              {"message", std::string(outcome.message())}});
}

void LogObserver::SessionEnded(absl::string_view credential, absl::string_view organization_id,
                               std::uint64_t generation, absl::string_view why) {
  log_.Write(LogLevel::kInfo, "session_ended",
             {{"credential", std::string(credential)},
              {"organization_id", std::string(organization_id)},
              {"generation", generation},
              {"why", std::string(why)}});
}

}  // namespace billbroker
