#include "server/app/policy_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "server/app/policy_file.h"
#include "tests/support/fake_audit.h"
#include "tests/support/manual_time.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kOne[] =
    "[[principal]]\nname = \"unix:payments-service\"\nusers = [\"7\"]\n"
    "[[grant]]\nprincipals = [\"unix:*\"]\nrole = \"reader\"\norganizations = [\"*\"]\n";
constexpr char kTwo[] =
    "[[principal]]\nname = \"unix:accounting-service\"\nusers = [\"7\"]\n"
    "[[grant]]\nprincipals = [\"unix:*\"]\nrole = \"reader\"\norganizations = [\"*\"]\n";

class PolicyWatchTest : public ::testing::Test {
 protected:
  PolicyWatchTest() { Write(kOne); }

  // Replaces the file by a rename, as an administrator should.
  void Write(const std::string& text) const {
    const std::string next = path_ + ".next";
    std::ofstream(next) << text;
    ::chmod(next.c_str(), 0600);
    std::filesystem::rename(next, path_);
  }

  std::string Principal() { return callers_.policy()->PrincipalOf({7, {}}).value_or("none"); }

  TempFolder folder_;
  const std::string path_ = folder_.File("policy.toml");
  ManualClock clock_;
  std::ostringstream lines_;
  JsonLog log_{LogLevel::kInfo, clock_, std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_)};
  FakeAudit audit_;
  Callers callers_{*ParsePolicy(kOne, "p")};
  int changes_ = 0;
};

TEST_F(PolicyWatchTest, ReloadsOnlyChangedFile) {
  PolicyWatch watch(path_, PolicyWatch::StateOf(path_), callers_, log_, audit_,
                    [this] { ++changes_; });
  watch.Look();
  EXPECT_EQ(changes_, 0);
  Write(kTwo);
  watch.Look();
  EXPECT_EQ(Principal(), "unix:accounting-service");
  watch.Look();
  EXPECT_EQ(changes_, 1);
  watch.Reload();
  EXPECT_EQ(changes_, 2) << "Reload() reads an unchanged file too";
}

TEST_F(PolicyWatchTest, AuditsEachReload) {
  PolicyWatch watch(path_, PolicyWatch::StateOf(path_), callers_, log_, audit_, [] {});
  watch.Reload();
  Write("[[principal]]\nname = 3\n");
  watch.Look();
  const std::vector<AuditEntry> entries = audit_.Take();
  ASSERT_EQ(entries.size(), 4U);
  for (const AuditEntry& entry : entries) EXPECT_EQ(entry.event, AuditEvent::kPolicyReload);
  EXPECT_EQ(entries[0].phase, AuditPhase::kIntent);
  EXPECT_EQ(entries[1].outcome, "OK");
  EXPECT_EQ(entries[3].outcome, "INVALID_ARGUMENT");
}

TEST_F(PolicyWatchTest, ReadsFileChangedDuringStart) {
  const std::string seen = PolicyWatch::StateOf(path_);
  Write(kTwo);
  PolicyWatch watch(path_, seen, callers_, log_, audit_, [this] { ++changes_; });
  watch.Look();
  EXPECT_EQ(Principal(), "unix:accounting-service");
}

TEST_F(PolicyWatchTest, InvalidFileKeepsOldPolicy) {
  PolicyWatch watch(path_, PolicyWatch::StateOf(path_), callers_, log_, audit_,
                    [this] { ++changes_; });
  Write("[[principal]]\nname = 3\n");
  watch.Look();
  EXPECT_EQ(Principal(), "unix:payments-service");
  EXPECT_EQ(changes_, 0);
  EXPECT_THAT(lines_.str(), HasSubstr("policy_kept"));
  EXPECT_THAT(lines_.str(), HasSubstr("principal.name"));
  const std::string logged = lines_.str();
  watch.Look();
  EXPECT_EQ(lines_.str(), logged) << "the failure is logged once";
  Write(kTwo);
  watch.Look();
  EXPECT_EQ(Principal(), "unix:accounting-service");
}

TEST_F(PolicyWatchTest, MissingOrWritableFileKeepsOldPolicy) {
  PolicyWatch watch(path_, PolicyWatch::StateOf(path_), callers_, log_, audit_,
                    [this] { ++changes_; });
  std::filesystem::remove(path_);
  watch.Look();
  EXPECT_EQ(Principal(), "unix:payments-service");
  Write(kTwo);
  ::chmod(path_.c_str(), 0666);
  watch.Look();
  EXPECT_EQ(Principal(), "unix:payments-service");
  EXPECT_THAT(lines_.str(), HasSubstr("policy_kept"));
  EXPECT_THAT(lines_.str(), Not(HasSubstr("policy_reloaded")));
  ::chmod(path_.c_str(), 0600);
  watch.Look();
  EXPECT_EQ(Principal(), "unix:accounting-service");
}

#if defined(__has_feature)
#if __has_feature(undefined_behavior_sanitizer)
#define UBSAN_NEEDS_DESCRIPTORS
#endif
#endif

TEST_F(PolicyWatchTest, RetriesTransientReadFailure) {
#ifdef UBSAN_NEEDS_DESCRIPTORS
  GTEST_SKIP()
      << "UndefinedBehaviorSanitizer reports every object as invalid if it cannot open files";
#endif
  PolicyWatch watch(path_, PolicyWatch::StateOf(path_), callers_, log_, audit_,
                    [this] { ++changes_; });
  Write(kTwo);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none = {0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  watch.Look();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(Principal(), "unix:payments-service");
  EXPECT_THAT(lines_.str(), HasSubstr(std::strerror(EMFILE)));
  watch.Look();
  EXPECT_EQ(Principal(), "unix:accounting-service");
  const std::string logged = lines_.str();
  watch.Look();
  EXPECT_EQ(lines_.str(), logged);
}

}  // namespace
}  // namespace billbroker
