#include "server/rpc/recorder.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/rpc/serving_state.h"

namespace billbroker {
namespace {

std::string Metadata(const grpc::CallbackServerContext& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return "";
  return {found->second.data(), found->second.size()};
}

// Returns a name that no principal can have: every principal has a prefix with a colon.
std::string NameOfUser(absl::optional<std::uint32_t> uid) {
  return uid.has_value() ? absl::StrCat("user ", *uid) : "";
}

}  // namespace

AuditMode AuditModeOf(absl::optional<AuditEvent> event) {
  if (!event.has_value()) return AuditMode::kNone;
  if (*event == AuditEvent::kSessionRead) return AuditMode::kOutcome;
  return *event == AuditEvent::kLogOut ? AuditMode::kIntentPosted : AuditMode::kIntentDurable;
}

void Record::SetCredential(absl::string_view name) {
  if (entry_ != nullptr) entry_->credential = std::string(name);
}

void Record::SetAsideFiles(absl::string_view names) {
  if (entry_ != nullptr) entry_->set_aside = std::string(names);
}

absl::Status Record::Begin() const {
  if (entry_ == nullptr) return absl::OkStatus();
  switch (AuditModeOf(entry_->event)) {
    case AuditMode::kNone:
    case AuditMode::kOutcome:
      break;
    case AuditMode::kIntentPosted:
      trail_->Post(*entry_);
      break;
    case AuditMode::kIntentDurable:
      return trail_->Write(*entry_);
  }
  return absl::OkStatus();
}

void Record::PostOutcome(const absl::Status& outcome, std::uint64_t version,
                         std::uint64_t generation) {
  AuditEntry entry = *entry_;
  SetOutcome(outcome, entry);
  if (version != 0) entry.version = version;
  entry.generation = generation;
  trail_->Post(std::move(entry));
}

void Record::PostRead(const Session& session) const {
  if (entry_ == nullptr) return;
  AuditEntry entry = *entry_;
  entry.organization = session.organization_id;
  entry.credential = session.credential;
  SetOutcome(absl::OkStatus(), entry);
  entry.generation = session.generation;
  trail_->Post(std::move(entry));
}

AuditEntry Recorder::EntryOf(const grpc::CallbackServerContext& context,
                             absl::string_view principal, const Recorded& what) const {
  AuditEntry entry;
  entry.principal = std::string(principal);
  Origin origin = ServingState::OriginOf(context);
  entry.uid = origin.uid;
  entry.pid = origin.pid;
  entry.certificate_serial = std::move(origin.certificate_serial);
  entry.rpc = std::string(what.rpc);
  entry.organization = std::string(what.organization_id);
  entry.credential = std::string(what.credential);
  entry.version = what.version;
  entry.organizations = what.organizations;
  entry.request_id = Metadata(context, "x-request-id");
  if (entry.request_id.empty()) entry.request_id = random_.Uid();
  entry.traceparent = Metadata(context, "traceparent");
  return entry;
}

CausePtr Recorder::CauseOf(const grpc::CallbackServerContext& context, absl::string_view rpc,
                           const Record& record) const {
  Origin origin = ServingState::OriginOf(context);
  auto cause = std::make_shared<Cause>();
  cause->uid = origin.uid;
  cause->pid = origin.pid;
  cause->certificate_serial = std::move(origin.certificate_serial);
  cause->rpc = std::string(rpc);
  cause->request_id = std::string(record.request_id());
  if (cause->request_id.empty()) cause->request_id = Metadata(context, "x-request-id");
  cause->traceparent = Metadata(context, "traceparent");
  return cause;
}

Record Recorder::Begin(const grpc::CallbackServerContext& context, absl::string_view principal,
                       const Recorded& what) const {
  const bool recorded =
      what.event.has_value() && (*what.event != AuditEvent::kSessionRead || session_reads_);
  if (!recorded) return {};
  AuditEntry entry = EntryOf(context, principal, what);
  entry.event = *what.event;
  return {trail_, std::move(entry)};
}

bool Recorder::MayRecordRefusal(const std::string& name, bool is_principal) const {
  MutexLock lock(mutex_);
  const absl::Duration now = clock_.SinceBoot();
  if (refusals_.Take(name, now) && (is_principal || strangers_.Take("", now))) return true;
  trail_.Omit();
  return false;
}

void Recorder::Refuse(const grpc::CallbackServerContext& context, absl::string_view principal,
                      const Recorded& what, const absl::Status& why) const {
  const std::string name =
      principal.empty() ? ServingState::CertificateNameOf(context) : std::string(principal);
  // The limits come before any costly step: EntryOf() parses the certificate for its serial number.
  const std::string who = name.empty() ? NameOfUser(ServingState::UidOf(context)) : name;
  if (!MayRecordRefusal(who, !principal.empty())) return;
  AuditEntry entry = EntryOf(context, name, what);
  entry.event = AuditEvent::kRefusal;
  SetOutcome(why, entry);
  trail_.Post(std::move(entry));
}

void Recorder::RefuseConnection(const Origin& origin, const absl::Status& why) const {
  if (!MayRecordRefusal(NameOfUser(origin.uid), false)) return;
  AuditEntry entry;
  entry.event = AuditEvent::kRefusal;
  entry.uid = origin.uid;
  entry.pid = origin.pid;
  entry.request_id = random_.Uid();
  SetOutcome(why, entry);
  trail_.Post(std::move(entry));
}

}  // namespace billbroker
