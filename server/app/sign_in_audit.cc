#include "server/app/sign_in_audit.h"

#include <string>
#include <utility>

namespace billbroker {
namespace {

constexpr char kBroker[] = "broker";

AuditEntry EntryOf(const SignInFacts& sign_in) {
  AuditEntry entry;
  entry.event = AuditEvent::kSignIn;
  entry.principal = sign_in.principal.empty() ? kBroker : sign_in.principal;
  entry.organization = sign_in.organization_id;
  entry.credential = sign_in.credential;
  entry.version = sign_in.version;
  entry.dev_key_id = sign_in.dev_key_id;
  entry.request_id = sign_in.id;
  if (sign_in.cause == nullptr) return entry;
  const Cause& cause = *sign_in.cause;
  entry.uid = cause.uid;
  entry.pid = cause.pid;
  entry.certificate_serial = cause.certificate_serial;
  entry.rpc = cause.rpc;
  if (!cause.request_id.empty()) entry.request_id = cause.request_id;
  entry.traceparent = cause.traceparent;
  return entry;
}

AuditEntry EntryOf(const Session& session) {
  AuditEntry entry;
  entry.event = AuditEvent::kLogOut;
  entry.principal = kBroker;
  entry.organization = session.organization_id;
  entry.credential = session.credential;
  entry.version = session.version;
  entry.generation = session.generation;
  entry.dev_key_id = session.dev_key_id;
  return entry;
}

}  // namespace

absl::Status SignInAudit::SignInStarts(const SignInFacts& sign_in) {
  if (absl::Status written = audit_.Write(EntryOf(sign_in)); !written.ok()) return written;
  return next_.SignInStarts(sign_in);
}

void SignInAudit::SignInEnded(const SignInFacts& sign_in, const absl::Status& outcome,
                              std::uint64_t generation) {
  AuditEntry entry = EntryOf(sign_in);
  SetOutcome(outcome, entry);
  entry.generation = generation;
  audit_.Post(std::move(entry));
  next_.SignInEnded(sign_in, outcome, generation);
}

void SignInAudit::LogOutStarts(const Session& session) {
  audit_.Post(EntryOf(session));
  next_.LogOutStarts(session);
}

void SignInAudit::LogOutEnded(const Session& session, const absl::Status& outcome) {
  AuditEntry entry = EntryOf(session);
  SetOutcome(outcome, entry);
  audit_.Post(std::move(entry));
  next_.LogOutEnded(session, outcome);
}

void SignInAudit::SessionEnded(absl::string_view credential, absl::string_view organization_id,
                               std::uint64_t generation, absl::string_view why) {
  next_.SessionEnded(credential, organization_id, generation, why);
}

void SignInAudit::CheckFailed(const Session& session, absl::string_view why) {
  next_.CheckFailed(session, why);
}

void SignInAudit::TrustRefused(absl::string_view credential, absl::string_view organization_id) {
  next_.TrustRefused(credential, organization_id);
}

}  // namespace billbroker
