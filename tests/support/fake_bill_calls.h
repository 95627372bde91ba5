// FakeBillCalls: the calls that FakeBill received, in order.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/bill/bill_api.h"
#include "vault/base/mutex.h"
#include "vault/credential.h"

namespace billbroker {

// Thread-safe.
class FakeBillCalls final {
 public:
  struct SignInCall {
    std::string credential;
    std::string environment;
    std::string organization_id;
    std::string username;
    std::string secret;
    std::string dev_key;
    std::string user_id;          // of login-as-user
    std::string partner_session;  // of login-as-user
  };
  struct PartnerSignInCall {
    std::string credential;
    std::string username;
    std::string password;
    std::string app_key;
  };
  struct SessionCall {
    std::string environment;
    std::string session_id;
    std::string dev_key;
  };

  // `partner_session` is empty unless this is a login-as-user.
  void AddSignIn(const Credential& credential, const std::string& organization_id,
                 absl::string_view partner_session);
  void AddPartnerSignIn(const Credential& credential);
  void AddSignOut(const SessionKeys& keys) { Add(keys, sign_outs_); }
  void AddSessionInfo(const SessionKeys& keys) { Add(keys, session_infos_); }
  void AddChallenge(const SessionKeys& keys) { Add(keys, challenges_); }
  void AddStepUp(const SessionKeys& keys) { Add(keys, step_ups_); }
  void AddOrganizationPage(const std::string& page);
  void AddHealthCheck(const std::string& environment);

  [[nodiscard]] std::vector<SignInCall> sign_ins() const { return Copy(sign_ins_); }
  [[nodiscard]] std::vector<PartnerSignInCall> partner_sign_ins() const {
    return Copy(partner_sign_ins_);
  }
  [[nodiscard]] std::vector<SessionCall> sign_outs() const { return Copy(sign_outs_); }
  [[nodiscard]] std::vector<SessionCall> session_infos() const { return Copy(session_infos_); }
  [[nodiscard]] std::vector<SessionCall> challenges() const { return Copy(challenges_); }
  [[nodiscard]] std::vector<SessionCall> step_ups() const { return Copy(step_ups_); }
  [[nodiscard]] std::vector<std::string> organization_pages() const {
    return Copy(organization_pages_);
  }
  [[nodiscard]] std::vector<std::string> health_checks() const { return Copy(health_checks_); }
  // Returns the number of sign-ins whose `field` is `value`.
  [[nodiscard]] int CountSignIns(std::string SignInCall::*field, absl::string_view value) const;

 private:
  template <typename T>
  [[nodiscard]] std::vector<T> Copy(const std::vector<T>& calls) const {
    MutexLock lock(mutex_);
    return calls;
  }
  void Add(const SessionKeys& keys, std::vector<SessionCall>& calls);

  // Guards every list. Not annotated, because Add() and Copy() take the lists as arguments.
  mutable Mutex mutex_;
  std::vector<SignInCall> sign_ins_;
  std::vector<PartnerSignInCall> partner_sign_ins_;
  std::vector<SessionCall> sign_outs_;
  std::vector<SessionCall> session_infos_;
  std::vector<SessionCall> challenges_;
  std::vector<SessionCall> step_ups_;
  std::vector<std::string> organization_pages_;
  std::vector<std::string> health_checks_;
};

}  // namespace billbroker
