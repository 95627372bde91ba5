// Bill: BILL's v3 API as a model in memory. No sockets, no threads, no time of its own.
//
// The calls that it knows, and the rules that it keeps, are listed in README.md. Tests of simulated
// days use it directly; billsim puts HTTPS and faults in front of it.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "nlohmann/json.hpp"
#include "tests/simulator/counts.h"
#include "tests/simulator/http.h"
#include "tests/simulator/limits.h"
#include "tests/simulator/session_table.h"
#include "tests/simulator/settings.h"
#include "tests/simulator/world.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"
#include "vault/base/random.h"

namespace billbroker::billsim {

// Thread-safe. Each call takes microseconds. Time is `clock`'s SinceBoot(), set upon its Now() at
// the start: a wall clock that jumps on the caller's side does not jump at BILL's.
class Bill final {
 public:
  // One of the calls that devKey and organization may have under way; ends with this object. Must
  // not outlive the Bill.
  class Slot final {
   public:
    Slot() = default;
    Slot(Slot&& other) noexcept
        : bill_(std::exchange(other.bill_, nullptr)), key_(std::move(other.key_)) {}
    Slot& operator=(Slot&& other) noexcept;
    ~Slot();

   private:
    friend class Bill;
    Bill* bill_ = nullptr;
    std::string key_;
  };

  struct Handled {
    HttpAnswer answer;
    Slot slot;  // hold it for as long as the call is to be under way
  };

  Bill(World world, Settings settings, const Clock& clock, Random& random);  // borrows both

  // A call that takes no time.
  [[nodiscard]] HttpAnswer Handle(const HttpCall& call) { return Begin(call).answer; }
  // A call that counts as under way until the slot is let go. Its effect is there at once.
  [[nodiscard]] Handled Begin(const HttpCall& call);
  // Counts a call that a fault kept from BILL.
  void NoteFaulted(const HttpCall& call);

  // The control surface. Objects of JSON are documented in README.md. kNotFound: nothing of that
  // name; kInvalidArgument: names the field at fault.
  [[nodiscard]] absl::Time Now() const;
  [[nodiscard]] nlohmann::json StateJson() const;
  [[nodiscard]] nlohmann::json CountsJson() const;
  void ResetCounts();
  [[nodiscard]] Settings settings() const;
  [[nodiscard]] absl::Status ChangeSettings(const nlohmann::json& changes);
  [[nodiscard]] absl::Status ExpireSession(const std::string& session_id);
  int ExpireSessionsOf(absl::string_view organization_id);  // returns how many
  [[nodiscard]] absl::Status ChangeUser(const std::string& username, const nlohmann::json& changes);
  [[nodiscard]] absl::Status ChangeOrganization(const std::string& id,
                                                const nlohmann::json& changes);
  [[nodiscard]] absl::Status ChangeDevKey(const std::string& key, const nlohmann::json& changes);

 private:
  struct SignInRequest {
    std::string dev_key;
    std::string username;
    std::string organization_id;
    std::string password;
    std::string console_api_token;
    std::string remember_me_id;
    std::string device;
  };
  struct PartnerRequest {
    std::string app_key;
    std::string username;
    std::string password;
  };
  struct AsUserRequest {
    std::string app_key;
    std::string session_id;
    std::string user_id;
    std::string organization_id;
    std::string remember_me_id;
    std::string device;
  };
  struct Challenge {
    std::string session_id;
    absl::Time created;
    int wrong_tokens = 0;
  };
  // One call on a session: what it was sent, and the session that it holds.
  struct SessionCall {
    const HttpCall& call;
    BillSession& session;
    absl::Time now;
  };
  using Handler = HttpAnswer (Bill::*)(const SessionCall&);
  struct Endpoint {
    absl::string_view method;
    absl::string_view path;
    Handler handler;
  };
  static const Endpoint kEndpoints[];

  void Leave(const std::string& key);

  // bill.cc
  HttpAnswer Route(const HttpCall& call, absl::Time now, Slot& slot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer OnSession(const Endpoint& endpoint, const HttpCall& call, absl::Time now, Slot& slot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  CallOrigin OriginOf(const HttpCall& call, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The refusal that stands against a call with `key`, which is one of `known`, and the call counted
  // where none does.
  absl::optional<HttpAnswer> AdmitKey(const std::map<std::string, DevKey>& known,
                                      const std::string& key, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The refusal of one more sign-in on `key`; nullopt where the hour has room for it.
  absl::optional<HttpAnswer> SignInsSpent(const std::string& key, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool TakeSlot(const std::string& dev_key, const std::string& organization_id, Slot& slot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer Refuse(absl::string_view code, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer RefuseUntil(absl::Duration wait, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer CurrentOrganization(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer MakePayment(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // bill_sign_in.cc
  HttpAnswer SignIn(const HttpCall& call, absl::Time now, Slot& slot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer AdmitAndSignIn(const SignInRequest& request, absl::Time now, Slot& slot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The code that stands against the organization, or against the user; empty where none does.
  std::string RefusalOfOrganization(const SignInRequest& request, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string RefusalOfUser(const SignInRequest& request, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountWrongSecret(const std::string& organization_id, User& user, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer OpenSession(const SignInRequest& request, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string NewSessionId() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer Logout(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer SessionInfo(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer ListOrganizations(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // bill_partner.cc
  HttpAnswer PartnerSignIn(const HttpCall& call, absl::Time now, Slot& slot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string RefusalOfPartner(const PartnerRequest& request, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer SignInAsUser(const HttpCall& call, absl::Time now, Slot& slot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The user to sign in as, and BILL's code where that is refused.
  std::string RefusalAsUser(const AsUserRequest& request, const User& partner, absl::Time now,
                            std::string& username) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whose hour a sign-in as a user of the organization is counted in; empty: nobody's.
  std::string CountedFor(const AsUserRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // bill_mfa.cc
  HttpAnswer StartChallenge(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer ValidateChallenge(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer StepUp(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsTrustedDevice(const User& user, const std::string& remember_me_id,
                       const std::string& device, absl::Time now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  Random& random_;
  const absl::Time started_;
  const absl::Duration started_since_boot_;

  mutable Mutex mutex_;
  World world_ ABSL_GUARDED_BY(mutex_);
  Settings settings_ ABSL_GUARDED_BY(mutex_);
  SessionTable sessions_ ABSL_GUARDED_BY(mutex_);
  Counts counts_ ABSL_GUARDED_BY(mutex_);
  SlidingWindow sign_ins_ ABSL_GUARDED_BY(mutex_){absl::Hours(1)};    // by devKey
  SlidingWindow messages_ ABSL_GUARDED_BY(mutex_){absl::Minutes(1)};  // by user name
  ClockHour calls_ ABSL_GUARDED_BY(mutex_);                           // by devKey
  Concurrency under_way_ ABSL_GUARDED_BY(mutex_);                     // by devKey and organization
  std::map<std::string, Challenge> challenges_ ABSL_GUARDED_BY(mutex_);  // by id
};

}  // namespace billbroker::billsim
