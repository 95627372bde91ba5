#include "client/client_session.h"

#include "absl/status/status.h"
#include "billbroker/v1/session.pb.h"
#include "client/proto_time.h"
#include "proto/redacted.h"

namespace billbroker {

namespace {

std::vector<SessionHeader> CloneHeaders(const std::vector<SessionHeader>& headers) {
  std::vector<SessionHeader> clone;
  clone.reserve(headers.size());
  for (const SessionHeader& header : headers) clone.push_back({header.name, header.value.Clone()});
  return clone;
}

}  // namespace

ClientSession CloneOf(const ClientSession& session) {
  ClientSession clone;
  clone.session_id = session.session_id.Clone();
  clone.dev_key = session.dev_key.Clone();
  clone.dev_key_id = session.dev_key_id;
  clone.organization_id = session.organization_id;
  clone.credential = session.credential;
  clone.user_id = session.user_id;
  clone.base_url = session.base_url;
  clone.trusted = session.trusted;
  clone.generation = session.generation;
  clone.sign_in_time = session.sign_in_time;
  clone.verify_time = session.verify_time;
  clone.expire_time = session.expire_time;
  clone.remaining = session.remaining;
  clone.headers = CloneHeaders(session.headers);
  return clone;
}

absl::StatusOr<ClientSession> TakeSession(v1::Session& session) {
  ClientSession taken;
  taken.session_id = SecretString::CopyOf(session.session_id());
  taken.dev_key = SecretString::CopyOf(session.dev_key());
  taken.headers.reserve(static_cast<std::size_t>(session.headers_size()));
  for (const v1::Header& header : session.headers()) {
    taken.headers.push_back({header.name(), SecretString::CopyOf(header.value())});
  }
  WipeSecrets(session);
  if (taken.session_id.empty()) {
    return absl::InternalError("the broker's response has no session; its log has the cause");
  }
  taken.dev_key_id = session.dev_key_id();
  taken.organization_id = session.organization_id();
  taken.credential = session.credential();
  taken.user_id = session.user_id();
  taken.base_url = session.base_url();
  taken.trusted = session.trusted();
  taken.generation = session.generation();
  taken.sign_in_time = TimeOf(session.sign_in_time());
  taken.verify_time = TimeOf(session.verify_time());
  taken.expire_time = TimeOf(session.expire_time());
  taken.remaining = DurationOf(session.remaining());
  return taken;
}

}  // namespace billbroker
