#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/bench/bench_environment.h"
#include "tests/bench/benches.h"
#include "tests/simulator/generated_world.h"

namespace billbroker {
namespace {

constexpr int kRotations = 9;
constexpr absl::Duration kRotationTimeout = absl::Minutes(2);

// Counts the writes of a gnome-keyring. It renames its file into place once for each write.
class KeyringWrites final {
 public:
  explicit KeyringWrites(const std::string& bus_folder) : queue_(inotify_init1(IN_NONBLOCK)) {
    const std::string folder = bus_folder + "/data/keyrings";
    // Watching creations as well keeps the kernel from merging two successive moves.
    if (inotify_add_watch(queue_, folder.c_str(), IN_CREATE | IN_MOVED_TO) < 0) std::abort();
  }
  ~KeyringWrites() { close(queue_); }
  KeyringWrites(const KeyringWrites&) = delete;
  KeyringWrites& operator=(const KeyringWrites&) = delete;

  // Returns the number of writes since the last call.
  [[nodiscard]] int Take() const {
    int writes = 0;
    alignas(inotify_event) std::array<char, 4096> events;
    ssize_t size = 0;
    while ((size = read(queue_, events.data(), events.size())) > 0) {
      for (const char* at = events.data(); at < events.data() + size;) {
        inotify_event event;
        std::memcpy(&event, at, sizeof(event));
        const bool placed = (event.mask & IN_MOVED_TO) != 0;
        if (placed && std::strcmp(at + sizeof(event), "login.keyring") == 0) ++writes;
        at += sizeof(event) + event.len;
      }
    }
    return writes;
  }

 private:
  int queue_;
};

struct Measured {
  std::vector<double> writes;
  std::vector<double> ms;
};

// Rotates the password of the one credential `kRotations` times.
absl::StatusOr<Measured> Rotate(TestEnvironment& env, CredentialClient& credentials, bool verify) {
  const KeyringWrites writes(env.bus().folder());
  Measured measured;
  for (int i = 0; i < kRotations; ++i) {
    const std::string password = absl::StrCat("password-", verify, "-", i);
    if (absl::Status changed =
            env.bill().model().ChangeUser(billsim::GeneratedUsername(0), {{"password", password}});
        !changed.ok()) {
      return changed;
    }
    const absl::StatusOr<v1::Credential> before = credentials.Get("user-0");
    if (!before.ok()) return before.status();
    CredentialRotation rotation;
    rotation.password = SecretString::CopyOf(password);
    (void)writes.Take();
    const absl::Time began = absl::Now();
    const absl::StatusOr<v1::Credential> after =
        credentials.Rotate(VersionOf(*before), rotation, {.verify = verify});
    measured.ms.push_back(absl::ToDoubleMilliseconds(absl::Now() - began));
    if (!after.ok()) return after.status();
    measured.writes.push_back(writes.Take());
  }
  return measured;
}

}  // namespace

absl::StatusOr<Figures> BenchRotate(const BenchOptions& options) {
  const BenchWorld world = {options.quick ? 200 : 10'000, 1};
  TestEnvironment env(OptionsFor(world));
  env.StartBroker();
  if (absl::Status status = CreateCredentials(env, world); !status.ok()) return status;
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = ConnectTo(env.socket());
  if (!channel.ok()) return channel.status();
  ClientOptions patient;
  patient.call_timeout = kRotationTimeout;
  CredentialClient credentials(*channel, patient);
  const absl::StatusOr<Measured> proved = Rotate(env, credentials, true);
  if (!proved.ok()) return proved.status();
  const absl::StatusOr<Measured> unproved = Rotate(env, credentials, false);
  if (!unproved.ok()) return unproved.status();
  Say(
      absl::StrFormat("a credential of %d organizations: rotated in %s ms with %s writes of the "
                      "keyring; without proof in %s ms with %s",
                      world.organizations, WithSpread(proved->ms), WithSpread(proved->writes),
                      WithSpread(unproved->ms), WithSpread(unproved->writes)));
  return Figures{{"keyring_writes", Median(proved->writes)},
                 {"rotate_ms", Median(proved->ms)},
                 {"unverified_writes", Median(unproved->writes)},
                 {"unverified_ms", Median(unproved->ms)}};
}

}  // namespace billbroker
