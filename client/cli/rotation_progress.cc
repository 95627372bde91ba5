#include "client/cli/rotation_progress.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/format.h"

namespace billbroker {
namespace {

constexpr absl::Duration kBetween = absl::Milliseconds(500);

bool IsDone(const v1::GetRotationProgressResponse& progress) {
  return progress.current_session_count() == progress.live_session_count() &&
         progress.updated_watcher_count() == progress.watcher_count();
}

std::string ProgressText(const v1::GetRotationProgressResponse& progress) {
  return absl::StrCat("version ", progress.version(), ": ", progress.current_session_count(),
                      " of ", Counted(progress.live_session_count(), "live organization"),
                      " on it, ", progress.updated_watcher_count(), " of ",
                      Counted(progress.watcher_count(), "watcher"), " told");
}

}  // namespace

absl::Status AwaitRollout(CommandContext& context, const v1::Credential& credential,
                          absl::Duration longest) {
  const absl::Duration deadline = context.clock.SinceBoot() + longest;
  std::string said;
  while (true) {
    const absl::StatusOr<v1::GetRotationProgressResponse> progress =
        context.credentials.Progress(credential.name());
    if (!progress.ok()) return progress.status();
    const std::string text = ProgressText(*progress);
    if (text != said) context.io.err << text << '\n';
    said = text;
    if (IsDone(*progress)) return absl::OkStatus();
    if (context.clock.SinceBoot() >= deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("the change is in effect, but is not used everywhere after ",
                       absl::FormatDuration(longest), ": ", text,
                       "; it continues by itself within the devKey's sign-ins"));
    }
    context.host.Sleep(kBetween);
  }
}

}  // namespace billbroker
