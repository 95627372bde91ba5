#include "tests/support/fake_bill_calls.h"

#include <algorithm>
#include <utility>

namespace billbroker {

void FakeBillCalls::AddSignIn(const Credential& credential, const std::string& organization_id,
                              absl::string_view partner_session) {
  SignInCall call{credential.name,
                  credential.environment,
                  organization_id,
                  credential.username,
                  std::string(credential.UserSecret().Reveal()),
                  std::string(credential.DevKeyFor(organization_id).Reveal()),
                  credential.FindOrganization(organization_id)->user_id,
                  std::string(partner_session)};
  MutexLock lock(mutex_);
  sign_ins_.push_back(std::move(call));
}

void FakeBillCalls::AddPartnerSignIn(const Credential& credential) {
  MutexLock lock(mutex_);
  partner_sign_ins_.push_back({credential.name, credential.username,
                               std::string(credential.password.Reveal()),
                               std::string(credential.app_key.Reveal())});
}

void FakeBillCalls::AddOrganizationPage(const std::string& page) {
  MutexLock lock(mutex_);
  organization_pages_.push_back(page);
}

void FakeBillCalls::AddHealthCheck(const std::string& environment) {
  MutexLock lock(mutex_);
  health_checks_.push_back(environment);
}

int FakeBillCalls::CountSignIns(std::string SignInCall::*field, absl::string_view value) const {
  MutexLock lock(mutex_);
  return static_cast<int>(
      std::count_if(sign_ins_.begin(), sign_ins_.end(),
                    [&](const SignInCall& call) { return call.*field == value; }));
}

void FakeBillCalls::Add(const SessionKeys& keys, std::vector<SessionCall>& calls) {
  MutexLock lock(mutex_);
  calls.push_back({keys.environment, std::string(keys.session_id->Reveal()),
                   std::string(keys.dev_key->Reveal())});
}

}  // namespace billbroker
