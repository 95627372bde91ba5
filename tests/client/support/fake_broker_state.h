// The state that the services of a FakeBroker share. Internal to it.
#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/client/support/fake_broker.h"
#include "vault/base/error.h"

namespace billbroker {

inline constexpr std::int64_t kNowSeconds = 1'800'000'000;  // the time of ManualClock

inline absl::Status UnknownCredential(const std::string& name) {
  return MakeError(Reason::kUnknownCredential,
                   absl::StrCat("credential \"", name, "\" does not exist"));
}

// Copies the page of `all` that `token` names, and sets the token of the next page.
template <typename T, typename Response, typename Add>
void Page(const std::vector<T>& all, const std::string& token, Response* response, const Add& add) {
  constexpr std::size_t kPageSize = 2;
  std::size_t at = 0;
  if (!token.empty() && !absl::SimpleAtoi(token, &at)) std::abort();
  const std::size_t end = std::min(all.size(), at + kPageSize);
  for (; at < end; ++at) add(all[at]);
  if (end < all.size()) response->set_next_page_token(absl::StrCat(end));
}

struct FakeBroker::State {
  mutable Mutex mutex;
  std::map<std::string, std::deque<absl::Status>> failures;
  std::map<std::string, std::uint64_t> generations;
  std::map<std::string, v1::Credential> credentials;
  std::vector<v1::SessionEntry> entries;
  v1::GetStatusResponse status;
  bool sessions_live = false;
  // By organization: the number of its states so far, and the last one.
  std::map<std::string, std::pair<int, absl::StatusOr<v1::Session>>> told;
  bool watches_silent = false;
  // Counts the changes that watches may have to send.
  int watch_changes = 0;
  std::condition_variable watch_changed;
  std::vector<v1::WatchSessionsRequest> watches;
  std::vector<v1::GetSessionRequest> gets;
  std::vector<v1::LoginRequest> logins;
  std::vector<v1::LogoutRequest> logouts;
  std::vector<v1::CreateCredentialRequest> creates;
  std::vector<v1::AttachOrganizationsRequest> attaches;
  std::deque<v1::GetRotationProgressResponse> progress;
  std::vector<v1::StartChallengeRequest> challenges;
  std::vector<v1::CompleteChallengeRequest> codes;
  std::vector<v1::DetachOrganizationsRequest> detaches;
  std::vector<v1::RotateCredentialRequest> rotates;
  std::map<std::string, std::string> discovered;  // id -> name
  std::vector<v1::DiscoverOrganizationsRequest> discovers;
  v1::AdoptKeyringResponse adoption;
  std::vector<v1::AdoptKeyringRequest> adopts;
  v1::VerifyAuditResponse audit_report;
  std::vector<std::pair<std::string, std::string>> audited;

  std::vector<Change> changes;

  template <typename Request>
  void NoteChange(const std::string& rpc, const grpc::ServerContext& context,
                  const Request& request) {
    changes.push_back(
        {rpc, request.allow_prompt(), absl::FromChrono(context.deadline()) - absl::Now()});
  }

  void NotifyWatches() {
    ++watch_changes;
    watch_changed.notify_all();
  }

  absl::Status Failure(const std::string& method) {
    std::deque<absl::Status>& queued = failures[method];
    if (queued.empty()) return absl::OkStatus();
    absl::Status next = queued.front();
    queued.pop_front();
    return next;
  }

  absl::Status CheckVersion(const std::string& name, const std::string& uid,
                            std::uint64_t version) const {
    const auto found = credentials.find(name);
    if (found == credentials.end()) return UnknownCredential(name);
    if (found->second.uid() == uid && found->second.version() == version) return absl::OkStatus();
    return MakeError(Reason::kVersionConflict, "the credential was changed meanwhile");
  }
};

}  // namespace billbroker
