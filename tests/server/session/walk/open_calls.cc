#include "tests/server/session/walk/open_calls.h"

#include <algorithm>
#include <iterator>

namespace billbroker {

int OpenCalls::Add(const SlotId& slot) {
  open_[++last_] = {slot, absl::nullopt, false};
  return last_;
}

void OpenCalls::Made(int call, const absl::optional<WaitingCall>& waits) {
  const auto found = open_.find(call);
  if (found == open_.end()) return;
  if (!waits.has_value()) return violation_.Report("call ", call, " neither waits nor is answered");
  found->second.handle = waits;
}

void OpenCalls::Answer(int call, const absl::StatusOr<SessionPtr>& answer) {
  const auto found = open_.find(call);
  if (found == open_.end()) return violation_.Report("call ", call, " is answered twice");
  const bool cancelled = answer.status().code() == absl::StatusCode::kCancelled;
  if (cancelled != found->second.cancelled) {
    violation_.Report("call ", call, " is answered with ", answer.status().ToString(),
                      found->second.cancelled ? " after" : " without", " its cancellation");
  }
  if (answer.ok()) sessions_.HandedOut(found->second.slot, **answer);
  open_.erase(found);
}

std::vector<WaitingCall> OpenCalls::StartCancel(std::size_t at, std::size_t count) {
  std::vector<WaitingCall> handles;
  const auto skipped = static_cast<std::ptrdiff_t>(std::min(at, open_.size()));
  for (auto each = std::next(open_.begin(), skipped); each != open_.end() && handles.size() < count;
       ++each) {
    each->second.cancelled = true;
    handles.push_back(*each->second.handle);
  }
  return handles;
}

void OpenCalls::CheckCancelled() {
  for (const auto& [call, each] : open_) {
    if (each.cancelled) return violation_.Report("call ", call, " is not answered by Cancel()");
  }
}

bool OpenCalls::AnyOf(const SlotId& slot) const {
  return std::any_of(open_.begin(), open_.end(),
                     [&slot](const auto& each) { return each.second.slot == slot; });
}

}  // namespace billbroker
