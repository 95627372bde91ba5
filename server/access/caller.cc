#include "server/access/caller.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

// A grant to "spiffe://corp/*" may match any number of names.
constexpr std::size_t kMostKept = 10'000;

absl::Status TooMuch(const std::string& principal, absl::string_view excess,
                     absl::Duration retry_after) {
  return MakeError({Reason::kCallerLimit, retry_after, {{"principal", principal}}},
                   absl::StrCat(principal, excess));
}

}  // namespace

absl::Status UnknownUser(absl::optional<std::uint32_t> uid) {
  ErrorDetails details{Reason::kCallerUnknown, {}, {}};
  std::string user = "this user";
  if (uid.has_value()) {
    user = absl::StrCat("user ", *uid);
    details.metadata.emplace("uid", absl::StrCat(*uid));
  }
  return MakeError(
      std::move(details),
      absl::StrCat("the policy names no principal for ", user,
                   "; an administrator adds one, with this user or one of its groups"));
}

Caller::Caller(std::string name, Grants grants, const CallerLimits& limits)
    : name_(std::move(name)),
      grants_(std::make_shared<const Grants>(std::move(grants))),
      limits_(limits),
      tokens_(limits.burst) {}

std::shared_ptr<const Grants> Caller::grants() const {
  MutexLock lock(mutex_);
  return grants_;
}

void Caller::Replace(Grants grants, const CallerLimits& limits) {
  auto replacement = std::make_shared<const Grants>(std::move(grants));
  MutexLock lock(mutex_);
  grants_ = std::move(replacement);
  limits_ = limits;
}

absl::Status Caller::CheckInFlight(int calls, CallKind kind) {
  if (kind == CallKind::kWatch) return CheckWatches(calls);
  const int in_flight = InFlight(kind);
  if (in_flight + calls <= limits_.calls_in_flight) return absl::OkStatus();
  return TooMuch(
      name_,
      absl::StrCat(" has ", in_flight, kind == CallKind::kWaiting ? " calls that wait" : " calls",
                   " without an answer, and with ", calls, " more it would have more than the ",
                   limits_.calls_in_flight, " that it may"),
      absl::Seconds(1));
}

absl::Status Caller::CheckWatches(int calls) {
  if (watches_ >= limits_.watches) {
    return TooMuch(
        name_,
        absl::StrCat(" has ", watches_, " watches open, as many as its limit `watches`; ",
                     "watch more organizations in each, or raise the limit"),
        absl::Seconds(1));
  }
  const int watched = InFlight(CallKind::kWatch) * kOrganizationsOfACall;
  if (watched + calls * kOrganizationsOfACall <= limits_.watched_organizations) {
    return absl::OkStatus();
  }
  return TooMuch(name_,
                 absl::StrCat(" watches ", watched, " organizations, and with ",
                              calls * kOrganizationsOfACall, " more it would exceed its limit ",
                              "`watched_organizations` of ", limits_.watched_organizations),
                 absl::Seconds(1));
}

absl::Status Caller::Enter(absl::Duration now, int calls, CallKind kind) {
  MutexLock lock(mutex_);
  if (absl::Status status = CheckInFlight(calls, kind); !status.ok()) return status;
  const double seconds = std::max(absl::ToDoubleSeconds(now - refilled_), 0.0);
  tokens_ = std::min(limits_.burst, tokens_ + seconds * limits_.calls_per_second);
  refilled_ = std::max(now, refilled_);
  const double wanted = std::min<double>(calls, limits_.burst);
  if (tokens_ < wanted) {
    return TooMuch(name_,
                   absl::StrCat(" makes more than the ", limits_.calls_per_second,
                                " calls a second that it may"),
                   absl::Seconds((wanted - tokens_) / limits_.calls_per_second));
  }
  tokens_ -= wanted;
  InFlight(kind) += calls;
  if (kind == CallKind::kWatch) ++watches_;
  return absl::OkStatus();
}

absl::Status Caller::StartWaiting(int calls) {
  MutexLock lock(mutex_);
  if (absl::Status status = CheckInFlight(calls, CallKind::kWaiting); !status.ok()) return status;
  InFlight(CallKind::kAtOnce) -= calls;
  InFlight(CallKind::kWaiting) += calls;
  return absl::OkStatus();
}

void Caller::Leave(int calls, CallKind kind) {
  MutexLock lock(mutex_);
  InFlight(kind) -= calls;
  if (kind == CallKind::kWatch) --watches_;
}

Origin Identity::OriginOf(absl::string_view peer) const {
  const absl::optional<Origin> found = find_ ? find_(peer) : absl::nullopt;
  const bool ours = found.has_value() && (!origin_.uid.has_value() || found->uid == origin_.uid);
  return ours ? *found : origin_;
}

CallerPtr Identity::caller() const {
  MutexLock lock(mutex_);
  return caller_;
}

void Identity::Bind(CallerPtr caller) {
  MutexLock lock(mutex_);
  caller_ = std::move(caller);
}

std::shared_ptr<const Policy> Callers::policy() const {
  MutexLock lock(mutex_);
  return policy_;
}

void Callers::SetPolicy(Policy policy) {
  MutexLock lock(mutex_);
  policy_ = std::make_shared<const Policy>(std::move(policy));
  for (const auto& [name, caller] : callers_) {
    caller->Replace(policy_->GrantsOf(name), policy_->LimitsOf(name));
  }
}

CallerPtr Callers::Of(const std::string& principal) {
  MutexLock lock(mutex_);
  return OfLocked(principal);
}

CallerPtr Callers::OfLocked(const std::string& principal) {
  CallerPtr& caller = callers_[principal];
  if (caller == nullptr) {
    caller = std::make_shared<Caller>(principal, policy_->GrantsOf(principal),
                                      policy_->LimitsOf(principal));
  }
  return caller;
}

CallerPtr Callers::OfGranted(const std::string& principal) {
  MutexLock lock(mutex_);
  const auto known = callers_.find(principal);
  const bool granted = known != callers_.end() ? known->second->grants()->Any(Role::kReader)
                                               : policy_->GrantsOf(principal).Any(Role::kReader);
  if (!granted) return nullptr;
  if (known == callers_.end() && callers_.size() >= kMostKept) {
    // Removes callers without calls and connections. Their limits would be full again by now.
    std::erase_if(callers_, [](const auto& entry) { return entry.second.use_count() == 1; });
  }
  return OfLocked(principal);
}

CallerPtr Callers::Of(const UnixPeer& peer) {
  const absl::optional<std::string> principal = policy()->PrincipalOf(peer);
  return principal.has_value() ? Of(*principal) : nullptr;
}

}  // namespace billbroker
