#include "vault/keyring/bus_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "tests/support/mute_socket.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

constexpr uid_t kNobody = 65534;

// Sets or removes a variable of the environment until the end of the test.
class ScopedVariable final {
 public:
  ScopedVariable(const char* name, const absl::optional<std::string>& value) : name_(name) {
    const char* before = std::getenv(name);
    if (before != nullptr) before_ = before;
    Set(value);
  }
  ~ScopedVariable() { Set(before_); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  void Set(const absl::optional<std::string>& value) const {
    if (value.has_value()) {
      ::setenv(name_, value->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }

  const char* name_;
  absl::optional<std::string> before_;
};

// Acts as another user until the end of its scope, if the test runs as root.
class ActAsNobody final {
 public:
  ActAsNobody() : root_(::geteuid() == 0 && ::seteuid(kNobody) == 0) {}
  ~ActAsNobody() {
    if (root_ && ::seteuid(0) != 0) std::abort();
  }
  ActAsNobody(const ActAsNobody&) = delete;
  ActAsNobody& operator=(const ActAsNobody&) = delete;
  [[nodiscard]] bool effective() const { return root_; }

 private:
  const bool root_;
};

class BusAddressTest : public ::testing::Test {
 protected:
  // Returns the text for a bus at the socket, whose error of GIO is "gio's own words".
  std::string Explain(bool timed_out = false) const {
    return ExplainBusFailure(address_, timed_out, "gio's own words").what;
  }

  TempFolder folder_;
  const std::string path_ = folder_.File("bus");
  std::string address_ = absl::StrCat("unix:path=", path_);
};

TEST_F(BusAddressTest, EnvironmentNamesTheBus) {
  const ScopedVariable address("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/990/other-bus");
  const ScopedVariable runtime("XDG_RUNTIME_DIR", folder_.path());
  const MuteSocket bus(path_);
  EXPECT_EQ(FindBusAddress(), "unix:path=/run/user/990/other-bus");
}

TEST_F(BusAddressTest, RuntimeFolderHasTheBus) {
  for (const absl::optional<std::string>& unset : {absl::optional<std::string>(), {""}}) {
    const ScopedVariable address("DBUS_SESSION_BUS_ADDRESS", unset);
    const ScopedVariable runtime("XDG_RUNTIME_DIR", folder_.path());
    EXPECT_EQ(FindBusAddress(), "");
    const MuteSocket bus(path_);
    EXPECT_EQ(FindBusAddress(), address_);
    ::unlink(path_.c_str());
  }
}

TEST_F(BusAddressTest, EmptyEnvironmentHasNone) {
  const ScopedVariable address("DBUS_SESSION_BUS_ADDRESS", absl::nullopt);
  const ScopedVariable runtime("XDG_RUNTIME_DIR", absl::nullopt);
  EXPECT_EQ(FindBusAddress(), "");
}

TEST_F(BusAddressTest, ExplainsMissingSocket) {
  EXPECT_EQ(Explain(), absl::StrCat("the D-Bus session bus at ", address_,
                                    " cannot be reached: No such file or directory"));
  EXPECT_THAT(ExplainBusFailure(address_, false, "").fix, HasSubstr("start a session bus"));
}

TEST_F(BusAddressTest, ExplainsSocketWithoutListener) {
  const MuteSocket bus(path_, /*listens=*/false);
  EXPECT_THAT(Explain(), HasSubstr("cannot be reached: Connection refused"));
}

TEST_F(BusAddressTest, ExplainsMuteBus) {
  const MuteSocket bus(path_);
  EXPECT_EQ(Explain(/*timed_out=*/true),
            absl::StrCat("the D-Bus session bus at ", address_, " does not answer"));
  EXPECT_THAT(ExplainBusFailure(address_, true, "").fix, HasSubstr("restart that bus"));
}

TEST_F(BusAddressTest, ReportsErrorOfLivingBus) {
  const MuteSocket bus(path_);
  EXPECT_THAT(Explain(), HasSubstr("cannot be used: gio's own words"));
}

TEST_F(BusAddressTest, ExplainsAddressWithoutSocketPath) {
  for (const std::string& address :
       {std::string("tcp:host=localhost,port=1"), std::string("unix:abstract=/tmp/dbus-1"),
        std::string("nonsense"), "unix:path=/" + std::string(200, 'x')}) {
    EXPECT_EQ(
        ExplainBusFailure(address, false, "gio's own words").what,
        absl::StrCat("the D-Bus session bus at ", address, " cannot be used: gio's own words"));
  }
}

TEST_F(BusAddressTest, FindsSocketAmongOtherParts) {
  address_ = absl::StrCat("tcp:host=localhost;unix:guid=0123456789abcdef,path=", path_);
  EXPECT_THAT(Explain(), HasSubstr("No such file or directory"));
}

TEST_F(BusAddressTest, DecodesEscapedPath) {
  const MuteSocket bus(path_ + " of user");
  address_ += "%20of%20user";
  EXPECT_THAT(Explain(/*timed_out=*/true), HasSubstr(" does not answer"));
}

TEST_F(BusAddressTest, NamesTheUserOfForeignBus) {
  absl::optional<MuteSocket> bus;
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0777), 0);
  {
    const ActAsNobody nobody;
    if (!nobody.effective()) GTEST_SKIP() << "only root may become other users: run it as root";
    bus.emplace(path_);
  }
  EXPECT_EQ(Explain(), absl::StrCat("the D-Bus session bus at ", address_,
                                    " belongs to uid 65534, and the broker runs as uid 0"));
  EXPECT_THAT(ExplainBusFailure(address_, false, "").fix, HasSubstr("as the user of the bus"));
}

TEST_F(BusAddressTest, NamesTheUserOfForbiddenSocket) {
  const MuteSocket bus(path_);
  ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  const ActAsNobody nobody;
  if (!nobody.effective()) GTEST_SKIP() << "only root may become other users: run it as root";
  EXPECT_THAT(Explain(), HasSubstr("belongs to uid 0, and the broker runs as uid 65534"));
}

}  // namespace
}  // namespace billbroker
