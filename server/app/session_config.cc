#include "server/app/session_config.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "vault/credential.h"

namespace billbroker {
namespace {

// Far above BILL's 200: for a BILL that was asked to allow more.
constexpr int kMostSignInsPerHour = 1'000'000;

// Without a margin the broker returns sessions that end before the caller's request is at BILL. The
// margin is at most a quarter of the window.
constexpr absl::Duration kShortestMargin = absl::Seconds(1);
constexpr absl::Duration kShortestWindow = absl::Seconds(4);

void ReadSession(TomlTable table, SessionManagerOptions& options) {
  options.idle_window =
      table.Duration("idle_window", options.idle_window, kShortestWindow, absl::Hours(48));
  options.sync_token_idle_window =
      table.Duration("sync_token_idle_window", options.sync_token_idle_window, kShortestWindow,
                     absl::Hours(24 * 30));
  options.safety_margin =
      table.Duration("safety_margin", options.safety_margin, kShortestMargin, absl::Hours(1));
  if (options.sync_token_idle_window < options.idle_window) {
    table.Error("sync_token_idle_window", "must not be shorter than idle_window");
  }
  // A fresh session must satisfy the longest min_remaining, which is half of the window.
  if (options.safety_margin > options.idle_window / 4) {
    table.Error("safety_margin", "must be at most a quarter of idle_window");
  }
  options.max_session_age = table.Duration("max_session_age", options.max_session_age,
                                           options.idle_window, absl::Hours(24 * 365));
  options.sliding = table.Bool("sliding", options.sliding);
  options.check_slides = table.Bool("check_slides", options.check_slides);
  options.keep_alive =
      table.Duration("keep_alive", options.keep_alive, absl::ZeroDuration(), absl::Hours(24 * 30));
  // BILL allows 20,000 calls of a devKey an hour; they are the callers' first.
  options.keep_alive_calls_per_hour =
      table.Integer("keep_alive_calls_per_hour", options.keep_alive_calls_per_hour, 10, 20000);
  options.stale_reports_per_hour =
      table.Integer("stale_reports_per_hour", options.stale_reports_per_hour, 10, 1000000);
  options.first_backoff = table.Duration("first_backoff", options.first_backoff,
                                         absl::Milliseconds(10), absl::Hours(1));
  options.longest_backoff = table.Duration("longest_backoff", options.longest_backoff,
                                           absl::Milliseconds(10), absl::Hours(1));
  if (options.longest_backoff < options.first_backoff) {
    table.Error("longest_backoff", "must not be shorter than first_backoff");
  }
  options.lockout_cooldown = table.Duration("lockout_cooldown", options.lockout_cooldown,
                                            absl::Seconds(1), absl::Hours(24 * 7));
  // BILL locks a user out after about 10.
  options.max_failed_sign_ins_per_hour =
      table.Integer("max_failed_sign_ins_per_hour", options.max_failed_sign_ins_per_hour, 1, 9);
  table.RefuseUnknown();
}

void ReadShares(TomlTable table, SignInLimits& limits) {
  for (const std::string& dev_key_id : table.Names()) {
    limits.shares[dev_key_id] = table.Integer(dev_key_id, 100, 1, 100) / 100.0;
  }
}

void ReadSignIns(TomlTable table, SignInLimits& limits) {
  limits.sign_ins_per_hour =
      table.Integer("per_hour", limits.sign_ins_per_hour, 1, kMostSignInsPerHour);
  limits.reserve = table.Integer("reserve_percent", 10, 0, 100) / 100.0;
  limits.share = table.Integer("share_percent", 100, 1, 100) / 100.0;
  ReadShares(table.Table("share_percent_of"), limits);
  limits.max_parallel = table.Integer("max_parallel", limits.max_parallel, 1, 1000);
  limits.max_parallel_per_dev_key =
      table.Integer("max_parallel_per_dev_key", limits.max_parallel_per_dev_key, 1, 1000);
  limits.slot_burst = table.Integer("organization_burst", limits.slot_burst, 1, 1000);
  limits.slot_refill =
      table.Duration("organization_refill", limits.slot_refill, absl::Seconds(1), absl::Hours(1));
  table.RefuseUnknown();
}

void ReadPrewarm(TomlTable table, SessionManagerOptions& options) {
  options.prewarm_all = table.Bool("all", false);
  for (std::string& organization_id : table.Strings("organizations")) {
    if (!ValidateOrganizationId(organization_id).ok()) {
      table.Error("organizations",
                  absl::StrCat("holds \"", organization_id,
                               "\", which is not an organization id: 1 to 64 characters of "
                               "[A-Za-z0-9_-]"));
    }
    options.prewarm.insert(std::move(organization_id));
  }
  table.RefuseUnknown();
}

}  // namespace

SessionManagerOptions ReadEngineOptions(TomlTable& root) {
  SessionManagerOptions options;
  ReadSession(root.Table("session"), options);
  ReadSignIns(root.Table("sign_ins"), options.sign_in);
  ReadPrewarm(root.Table("prewarm"), options);
  return options;
}

}  // namespace billbroker
