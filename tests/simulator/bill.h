// Bill: BILL's v3 API as a model in memory, without sockets, threads or a clock of its own.
//
// README.md lists the calls and rules that it implements. Tests that simulate days use it directly;
// billsim puts HTTPS and faults in front of it.
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

// Thread-safe. Each call takes microseconds. Time is `clock`'s Now() at the start plus the change
// of its SinceBoot(): if the caller's wall clock jumps, BILL's does not.
class Bill final {
 public:
  // One call in progress, counted against the concurrency limit of its devKey and organization
  // until this object is destroyed. Must not outlive the Bill.
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
    Slot slot;  // the call is in progress until this is destroyed
  };

  Bill(World world, Settings settings, const Clock& clock, Random& random);  // borrows both

  // Answers a call that takes no time.
  [[nodiscard]] HttpAnswer Handle(const HttpCall& call) { return Begin(call).answer; }
  // Answers a call that is in progress until its slot is destroyed. It takes effect at once.
  [[nodiscard]] Handled Begin(const HttpCall& call);
  // Counts a call that a fault answered in place of BILL.
  void NoteFaulted(const HttpCall& call);
  // Returns the devKey, organization and user of a call, as far as it names them.
  [[nodiscard]] CallOrigin GetOrigin(const HttpCall& call);

  // The control API. README.md documents the JSON. Errors: kNotFound, nothing has that name;
  // kInvalidArgument names the faulty field.
  [[nodiscard]] absl::Time Now() const;
  [[nodiscard]] nlohmann::json StateJson() const;
  [[nodiscard]] nlohmann::json CountsJson() const;
  void ResetCounts();
  [[nodiscard]] Settings settings() const;
  [[nodiscard]] absl::Status ChangeSettings(const nlohmann::json& changes);
  [[nodiscard]] absl::Status ExpireSession(const std::string& session_id);
  int ExpireSessionsOf(absl::string_view organization_id);  // returns the number of them
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
    std::string phone;  // to be enrolled; empty for a challenge of an enrolled user
  };
  // One call on a session.
  struct SessionCall {
    const HttpCall& call;
    BillSession& session;
    absl::Time now;
  };
  using Handler = HttpAnswer (Bill::*)(const SessionCall&);
  struct Endpoint {
    absl::string_view method;
    absl::string_view path;  // ends with a slash if an id follows
    Handler handler;
    bool partner = false;  // needs a partner's session and the header appKey
  };
  static const Endpoint kEndpoints[];

  void Leave(const std::string& key);

  // bill.cc
  HttpAnswer Route(const HttpCall& call, absl::Time now, Slot& slot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer OnSession(const Endpoint& endpoint, const HttpCall& call, absl::Time now, Slot& slot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns the session of the call if the key in its headers belongs to it; else null.
  BillSession* FindSessionFor(const Endpoint& endpoint, const HttpCall& call, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  CallOrigin OriginOf(const HttpCall& call, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns the refusal of a call with `key`, if `known` or the hourly limit forbids it; else
  // counts the call.
  absl::optional<HttpAnswer> AdmitKey(const std::map<std::string, DevKey>& known,
                                      const std::string& key, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns the refusal of one more sign-in on `key`, if a limit of sign-ins is reached.
  absl::optional<HttpAnswer> SignInsSpent(const std::string& key, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountSignIn(const std::string& key, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool TakeSlot(const std::string& dev_key, const std::string& organization_id, Slot& slot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer Refuse(absl::string_view code, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer RefuseUntil(absl::Duration wait, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer GetOrganization(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer MakePayment(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // bill_sign_in.cc
  HttpAnswer SignIn(const HttpCall& call, absl::Time now, Slot& slot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer AdmitAndSignIn(const SignInRequest& request, absl::Time now, Slot& slot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Return the code that refuses the organization, or the user; empty if nothing does.
  std::string RefusalOfOrganization(const SignInRequest& request, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string RefusalOfUser(const SignInRequest& request, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountWrongSecret(const std::string& organization_id, User& user, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer OpenSession(const SignInRequest& request, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string NewId(absl::string_view alphabet, int length) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string NewSessionId() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer Logout(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer SessionInfo(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // bill_lists.cc
  HttpAnswer ListOrganizations(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer ListPartnerOrganizations(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer ListPartnerUsers(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer Page(const SessionCall& on, const nlohmann::json& items, int default_size)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // bill_partner.cc
  HttpAnswer PartnerSignIn(const HttpCall& call, absl::Time now, Slot& slot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string RefusalOfPartner(const PartnerRequest& request, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer SignInAsUser(const HttpCall& call, absl::Time now, Slot& slot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns the code that refuses the sign-in; if it is empty, `username` is the user.
  std::string RefusalAsUser(const AsUserRequest& request, const User& partner, absl::Time now,
                            std::string& username) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns the key whose limit a sign-in as a user counts against; empty: none.
  std::string CountedFor(const AsUserRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // bill_mfa.cc
  HttpAnswer StartChallenge(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer ValidateChallenge(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer StepUp(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer ListPhones(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer SetUpMfa(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  HttpAnswer ValidateSetup(const SessionCall& on) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Sends a token to a phone. Returns the challenge's id, or the refusal if a limit is reached.
  absl::optional<HttpAnswer> SendToken(const SessionCall& on, const std::string& phone,
                                       std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns the code that refuses the token; empty if it is right, which spends the challenge.
  std::string RefusalOfToken(const SessionCall& on, const std::string& id, const std::string& token)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
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
  SlidingWindow sign_ins_ ABSL_GUARDED_BY(mutex_){absl::Hours(1)};              // by devKey
  SlidingWindow sign_ins_of_minute_ ABSL_GUARDED_BY(mutex_){absl::Minutes(1)};  // likewise
  SlidingWindow messages_ ABSL_GUARDED_BY(mutex_){absl::Minutes(1)};            // by user name
  ClockHour calls_ ABSL_GUARDED_BY(mutex_);                                     // by devKey
  Concurrency under_way_ ABSL_GUARDED_BY(mutex_);  // by devKey and organization
  std::map<std::string, Challenge> challenges_ ABSL_GUARDED_BY(mutex_);  // by id
};

}  // namespace billbroker::billsim
