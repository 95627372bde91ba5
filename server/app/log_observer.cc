#include "server/app/log_observer.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

std::string Renew(absl::string_view credential) {
  return absl::StrCat("run 'billbroker mfa renew ", credential, "'");
}

}  // namespace

absl::Status LogObserver::SignInStarts(const SignInFacts& sign_in) {
  log_.Write(LogLevel::kDebug, "sign_in_sent",
             {{"credential", sign_in.credential},
              {"organization_id", sign_in.organization_id},
              {"id", sign_in.id}});
  return absl::OkStatus();
}

void LogObserver::SignInEnded(const SignInFacts& sign_in, const absl::Status& outcome,
                              std::uint64_t generation) {
  if (outcome.ok()) {
    log_.Write(LogLevel::kInfo, "signed_in",
               {{"credential", sign_in.credential},
                {"organization_id", sign_in.organization_id},
                {"generation", generation}});
    return;
  }
  const absl::optional<ErrorDetails> details = DetailsOf(outcome);
  log_.Write(LogLevel::kWarning, "sign_in_failed",
             {{"credential", sign_in.credential},
              {"organization_id", sign_in.organization_id},
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

void LogObserver::CheckFailed(const Session& session, absl::string_view why) {
  log_.Write(LogLevel::kWarning, "session_check_failed",
             {{"credential", session.credential},
              {"organization_id", session.organization_id},
              {"generation", session.generation},
              {"message", std::string(why)}});
}

void LogObserver::TrustRefused(absl::string_view credential, absl::string_view organization_id) {
  log_.Write(LogLevel::kWarning, "mfa_trust_refused",
             {{"credential", std::string(credential)},
              {"organization_id", std::string(organization_id)},
              {"fix", Renew(credential)}});
}

void LogObserver::RememberMeExpires(absl::string_view credential, absl::Duration left) {
  const bool over = left <= absl::ZeroDuration();
  log_.Write(LogLevel::kWarning, over ? "mfa_trust_expired" : "mfa_trust_expires",
             {{"credential", std::string(credential)},
              {"hours_left", std::int64_t{absl::ToInt64Hours(left)}},
              {"fix", Renew(credential)}});
}

}  // namespace billbroker
