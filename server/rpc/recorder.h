// Recorder: the entries of calls in the audit log. Design: docs/adr/0019-audit-log.md.
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
#include "server/access/caller.h"
#include "server/session/cause.h"
#include "server/session/rate_limiter.h"
#include "server/session/session.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"
#include "vault/base/random.h"
#include "vault/credential_index.h"

namespace billbroker {

// When the entries of a call are written.
enum class AuditMode {
  kNone,           // never, unless the call is refused
  kOutcome,        // the outcome with the answer; there is no intent
  kIntentPosted,   // the intent before the work begins, without waiting for it
  kIntentDurable,  // the work begins only once the intent is stored
};

// Returns the mode of calls with `event`.
[[nodiscard]] AuditMode AuditModeOf(absl::optional<AuditEvent> event);

// The record of one call in the audit log: its intent before it is done, and its outcome. A
// default-constructed Record belongs to a call that is not recorded, and does nothing.
class Record final {
 public:
  Record() = default;
  // Borrows `trail`. `entry` is the intent; its event decides the mode.
  Record(AuditTrail& trail, AuditEntry entry)
      : trail_(&trail), entry_(std::make_unique<AuditEntry>(std::move(entry))) {}

  // Sets the credential that the call is about, if the request does not name it.
  void SetCredential(absl::string_view name);

  // Sets the new names of the files that the call set aside.
  void SetAsideFiles(absl::string_view names);

  // Returns the request id of the call's entries; empty if the call is not recorded.
  [[nodiscard]] absl::string_view request_id() const {
    return entry_ == nullptr ? absl::string_view() : entry_->request_id;
  }

  // Begins the work of the call. If its intent has to be stored and cannot be, fails with
  // AUDIT_UNAVAILABLE after a bounded wait; only this mode waits.
  [[nodiscard]] absl::Status Begin() const;

  // Ends the record with `result`, which is a Status or StatusOr. Does not wait.
  template <typename Result>
  void End(const Result& result, std::uint64_t generation = 0) {
    if (entry_ != nullptr) PostOutcome(StatusOf(result), VersionOf(result), generation);
  }

  // Does `work`, which returns a Status or StatusOr, between Begin() and End(). If Begin() fails,
  // `work` is not done.
  template <typename Work>
  auto Do(Work work) -> decltype(work()) {
    if (absl::Status begun = Begin(); !begun.ok()) return begun;
    auto result = work();
    End(result);
    return result;
  }

  // Records one of the sessions that a call returns.
  void PostRead(const Session& session) const;

  static const absl::Status& StatusOf(const absl::Status& status) { return status; }
  template <typename T>
  static const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
    return result.status();
  }

 private:
  // Returns the version of the credential that the call created or changed; 0 if it did not.
  static std::uint64_t VersionOf(const absl::StatusOr<CredentialInfoPtr>& changed) {
    return changed.ok() ? (*changed)->version : 0;
  }
  template <typename T>
  static std::uint64_t VersionOf(const T& /*result*/) {
    return 0;
  }

  void PostOutcome(const absl::Status& outcome, std::uint64_t version, std::uint64_t generation);

  AuditTrail* trail_ = nullptr;
  std::unique_ptr<AuditEntry> entry_;
};

// The properties of a call that its record is made from.
struct Recorded {
  absl::string_view rpc;             // such as "SessionService/Login"
  absl::optional<AuditEvent> event;  // unset: only its refusals
  absl::string_view organization_id = {};
  absl::string_view credential = {};
  std::uint64_t version = 0;
  std::uint64_t organizations = 0;  // their number, if the call is about several
};

// Thread-safe.
class Recorder final {
 public:
  // The refusals of one principal that are recorded one by one; further ones are counted. A caller
  // that the policy does not name is identified by its certificate's name or by its user id.
  static constexpr double kRefusalsPerHour = 600;
  static constexpr double kRefusalsAtOnce = 60;
  // A multiple of the two limits above, for all callers together that the policy does not name:
  // there may be any number of them.
  static constexpr double kStrangersAsMany = 10;

  // Borrows all but `session_reads`, which enables records of session reads.
  Recorder(AuditTrail& trail, const Clock& clock, Random& random, bool session_reads)
      : trail_(trail), clock_(clock), random_(random), session_reads_(session_reads) {}

  // Begins the record of a call by `principal`.
  [[nodiscard]] Record Begin(const grpc::CallbackServerContext& context,
                             absl::string_view principal, const Recorded& what) const;
  // Returns the audit log's description of the call that causes a sign-in; `record` belongs to the
  // call. The request id is that of the call's other entries, else the caller's own, else empty.
  [[nodiscard]] CausePtr CauseOf(const grpc::CallbackServerContext& context, absl::string_view rpc,
                                 const Record& record) const;
  // Records that the call was refused. `principal` is empty if the policy names none; the name in a
  // certificate is recorded nevertheless.
  void Refuse(const grpc::CallbackServerContext& context, absl::string_view principal,
              const Recorded& what, const absl::Status& why) const;
  // Records that a connection was refused, before any call, to a user that the policy does not
  // name.
  void RefuseConnection(const Origin& origin, const absl::Status& why) const;

 private:
  // Returns true if a refusal to `name`, which the policy names if `is_principal`, may be recorded;
  // otherwise counts it.
  [[nodiscard]] bool MayRecordRefusal(const std::string& name, bool is_principal) const;
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
