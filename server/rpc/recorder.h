// Recorder: what calls leave on the audit log. Design: docs/adr/0019-audit-log.md.
#pragma once

#include <grpcpp/server_context.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/access/audit/audit_trail.h"
#include "server/session/cause.h"
#include "server/session/rate_limiter.h"
#include "server/session/session.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"
#include "vault/base/random.h"
#include "vault/credential_index.h"

namespace billbroker {

// Of one call: that it is about to be done, and what became of it. One that was made without
// arguments is of a call that leaves nothing.
class Record final {
 public:
  Record() = default;
  // Borrows `trail`; `entry` is the intent.
  Record(AuditTrail& trail, AuditEntry entry)
      : trail_(&trail), entry_(std::make_unique<AuditEntry>(std::move(entry))) {}

  // Which credential it is about, where the request does not say.
  void SetCredential(absl::string_view name);

  // What its lines are found by; empty where it leaves none.
  [[nodiscard]] absl::string_view request_id() const {
    return entry_ == nullptr ? absl::string_view() : entry_->request_id;
  }

  // Does `work`, which returns a Status or StatusOr, between the two. AUDIT_UNAVAILABLE after a
  // bounded wait, and nothing done, where the intent cannot be put on the log.
  template <typename Work>
  auto Do(Work work) -> decltype(work()) {
    if (absl::Status intended = Intend(); !intended.ok()) return intended;
    auto result = work();
    End(result);
    return result;
  }

  // The same in two steps, for what is done though the log cannot be written. Neither waits.
  void Announce();
  template <typename Result>
  void End(const Result& result, std::uint64_t generation = 0) {
    if (entry_ != nullptr) PostOutcome(StatusOf(result), VersionOf(result), generation);
  }

  // One session of many that a call hands out.
  void PostRead(const Session& session) const;

  static const absl::Status& StatusOf(const absl::Status& status) { return status; }
  template <typename T>
  static const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
    return result.status();
  }

 private:
  // Of the credential that came of it; 0 where none did.
  static std::uint64_t VersionOf(const absl::StatusOr<CredentialInfoPtr>& changed) {
    return changed.ok() ? (*changed)->version : 0;
  }
  template <typename T>
  static std::uint64_t VersionOf(const T& /*result*/) {
    return 0;
  }

  [[nodiscard]] absl::Status Intend() const;
  void PostOutcome(const absl::Status& outcome, std::uint64_t version, std::uint64_t generation);

  AuditTrail* trail_ = nullptr;
  std::unique_ptr<AuditEntry> entry_;
};

// What the rule of an RPC says of its record.
struct Recorded {
  absl::string_view rpc;             // such as "SessionService/Login"
  absl::optional<AuditEvent> event;  // unset: only its refusals
  absl::string_view organization_id = {};
  absl::string_view credential = {};
  std::uint64_t version = 0;
  std::uint64_t organizations = 0;  // how many, where it is about several
};

// Thread-safe.
class Recorder final {
 public:
  // Refusals of one principal that are on the log one by one; the others are counted. Whom the
  // policy does not know goes by the name that a certificate gives, or by the user.
  static constexpr double kRefusalsPerHour = 600;
  static constexpr double kRefusalsAtOnce = 60;
  // Of all of those whom the policy does not know together: they may be any number.
  static constexpr double kStrangersAsMany = 10;

  // Borrows all but `session_reads`: whether they are recorded.
  Recorder(AuditTrail& trail, const Clock& clock, Random& random, bool session_reads)
      : trail_(trail), clock_(clock), random_(random), session_reads_(session_reads) {}

  // `principal` calls.
  [[nodiscard]] Record Begin(const grpc::CallbackServerContext& context,
                             absl::string_view principal, const Recorded& what) const;
  // What a sign-in's lines say of the call that caused it; `record` is the call's. Its request id
  // is the one that the call's other lines have, else the caller's, else empty.
  [[nodiscard]] CausePtr CauseOf(const grpc::CallbackServerContext& context, absl::string_view rpc,
                                 const Record& record) const;
  // The call was refused; `principal` is empty where the policy names none. A certificate's name is
  // recorded all the same.
  void Refuse(const grpc::CallbackServerContext& context, absl::string_view principal,
              const Recorded& what, const absl::Status& why) const;

 private:
  [[nodiscard]] AuditEntry EntryOf(const grpc::CallbackServerContext& context,
                                   absl::string_view principal, const Recorded& what) const;

  AuditTrail& trail_;
  const Clock& clock_;
  Random& random_;
  const bool session_reads_;
  mutable Mutex mutex_;
  mutable RateLimiter refusals_ ABSL_GUARDED_BY(mutex_){kRefusalsPerHour, kRefusalsAtOnce};
  mutable RateLimiter strangers_ ABSL_GUARDED_BY(mutex_){kRefusalsPerHour * kStrangersAsMany,
                                                         kRefusalsAtOnce* kStrangersAsMany};
};

}  // namespace billbroker
