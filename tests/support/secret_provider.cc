#include "tests/support/secret_provider.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace billbroker {
namespace {

constexpr char kPassword[] = "test keyring";
constexpr char kSecrets[] = "org.freedesktop.secrets";
constexpr char kSecretsPath[] = "/org/freedesktop/secrets";
constexpr absl::Duration kPatience = absl::Seconds(20);

[[noreturn]] void Fail(const PrivateBus& bus, const std::string& what) {
  std::ostringstream log;
  log << std::ifstream(bus.folder() + "/log").rdbuf();
  std::fprintf(stderr, "secret provider: %s\n%s\n", what.c_str(), log.str().c_str());
  std::abort();
}

void WaitUntil(const PrivateBus& bus, const std::string& what,
               const std::function<bool()>& condition) {
  const absl::Time end = absl::Now() + kPatience;
  while (!condition()) {
    if (absl::Now() > end) Fail(bus, "waited in vain for " + what);
    absl::SleepFor(absl::Milliseconds(20));
  }
}

std::vector<std::string> WithTimeLimit(std::vector<std::string> command) {
  std::vector<std::string> limited = {"timeout", absl::StrCat(absl::ToInt64Seconds(kPatience))};
  for (std::string& word : command) limited.push_back(std::move(word));
  return limited;
}

// Runs a command to its end with `input` as standard input.
void RunOrFail(const PrivateBus& bus, std::vector<std::string> command, const std::string& input) {
  const std::string name = command[0];
  ChildProcess process(ChildOptions{WithTimeLimit(std::move(command)), bus.environment(), input,
                                    bus.folder() + "/log"});
  const int code = process.Wait();
  if (code != 0) Fail(bus, absl::StrCat(name, " ended with ", code));
}

// Calls a method with gdbus. Returns the answer in the text format of GVariant, or the error.
std::string Call(const PrivateBus& bus, const std::string& name, const std::string& path,
                 const std::string& method, const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {"gdbus",         "call", "--session", "--dest", name,
                                      "--object-path", path,   "--method",  method};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return bus.Run(WithTimeLimit(std::move(command)));
}

std::string CallSecrets(const PrivateBus& bus, const std::string& path, const std::string& method,
                        const std::vector<std::string>& arguments) {
  return Call(bus, kSecrets, path, method, arguments);
}

// Returns the object path in `answer` that starts with `prefix`, or "".
std::string PathIn(const std::string& answer, const std::string& prefix) {
  const std::size_t begin = answer.find(prefix);
  if (begin == std::string::npos) return "";
  return answer.substr(begin, answer.find('\'', begin) - begin);
}

// Returns the path of the default collection, or "" if there is none.
std::string DefaultCollection(const PrivateBus& bus) {
  return PathIn(
      CallSecrets(bus, kSecretsPath, "org.freedesktop.Secret.Service.ReadAlias", {"default"}),
      absl::StrCat(kSecretsPath, "/collection/"));
}

bool IsLocked(const PrivateBus& bus, bool locked) {
  const std::string answer =
      CallSecrets(bus, DefaultCollection(bus), "org.freedesktop.DBus.Properties.Get",
                  {"org.freedesktop.Secret.Collection", "Locked"});
  return absl::StrContains(answer, locked ? "<true>" : "<false>");
}

void WaitUntilLocked(const PrivateBus& bus, bool locked) {
  WaitUntil(bus, locked ? "the lock" : "the unlocked collection",
            [&] { return IsLocked(bus, locked); });
}

std::vector<std::string> EnvironmentWithoutDisplay(const PrivateBus& bus) {
  std::vector<std::string> environment = bus.environment();
  environment.emplace_back("QT_QPA_PLATFORM=offscreen");
  return environment;
}

class KeePassXc final : public SecretProvider {
 public:
  explicit KeePassXc(const PrivateBus& bus) : bus_(bus) {
    // "keepassxc-cli import" keeps the custom datum that exposes the group. The group is the root.
    std::ofstream(bus_.folder() + "/database.xml")
        << "<KeePassFile><Meta><RecycleBinEnabled>False</RecycleBinEnabled><CustomData><Item>"
        << "<Key>FDO_SECRETS_EXPOSED_GROUP</Key>"
        << "<Value>{00112233-4455-6677-8899-aabbccddeeff}</Value></Item></CustomData></Meta>"
        << "<Root><Group><UUID>ABEiM0RVZneImaq7zN3u/w==</UUID><Name>Root</Name></Group></Root>"
        << "</KeePassFile>";
    const std::string twice = absl::StrCat(kPassword, "\n", kPassword, "\n");
    RunOrFail(bus_,
              {"keepassxc-cli", "import", "--set-password", "--decryption-time", "100",
               bus_.folder() + "/database.xml", Database()},
              twice);
  }

  void Start(bool unlocked) override {
    // KeePassXC changes the file, so it is written each time.
    std::ofstream(bus_.folder() + "/keepassxc.ini")
        << "[General]\nConfigVersion=2\nSingleInstance=false\nUpdateCheckMessageShown=true\n"
        << "OpenPreviousDatabasesOnStartup=false\n[GUI]\nCheckForUpdates=false\n"
        << "[Security]\nLockDatabaseIdle=false\nLockDatabaseScreenLock=false\n"
        << "[FdoSecrets]\nEnabled=true\nShowNotification=false\nConfirmAccessItem=false\n"
        << "ConfirmDeleteItem=false\nUnlockBeforeSearch=false\n";
    process_ = std::make_unique<ChildProcess>(
        ChildOptions{{"keepassxc", "--config", bus_.folder() + "/keepassxc.ini", "--localconfig",
                      bus_.folder() + "/keepassxc_local.ini", "--pw-stdin", Database()},
                     EnvironmentWithoutDisplay(bus_),
                     absl::StrCat(kPassword, "\n"),
                     bus_.folder() + "/log"});
    WaitUntil(bus_, "a default collection", [&] { return !DefaultCollection(bus_).empty(); });
    // The collection is locked for a second after it appears.
    WaitUntilLocked(bus_, /*locked=*/false);
    if (!unlocked) Lock();
  }

  void Kill() override { process_.reset(); }

  void Lock() override {
    CallWindow("lockAllDatabases", {});
    WaitUntilLocked(bus_, /*locked=*/true);
  }

  void Unlock() override {
    CallWindow("openDatabase", {Database(), kPassword, ""});
    WaitUntilLocked(bus_, /*locked=*/false);
  }

 private:
  std::string Database() const { return bus_.folder() + "/database.kdbx"; }

  void CallWindow(const std::string& method, const std::vector<std::string>& arguments) {
    constexpr char kWindow[] = "org.keepassxc.KeePassXC.MainWindow";
    Call(bus_, kWindow, "/keepassxc", absl::StrCat(kWindow, ".", method), arguments);
  }

  const PrivateBus& bus_;
  std::unique_ptr<ChildProcess> process_;
};

// Opens the wallet "kdewallet" with a hash of its password, as pam_kwallet5 does at a sign-in.
class KWallet final : public SecretProvider {
 public:
  explicit KWallet(const PrivateBus& bus) : bus_(bus) {
    std::filesystem::create_directories(Folder());
    std::array<unsigned char, kHashBytes> salt{};
    std::array<unsigned char, kHashBytes> hash{};
    RAND_bytes(salt.data(), kHashBytes);
    std::ofstream(Folder() + "/kdewallet.salt")
        .write(reinterpret_cast<const char*>(salt.data()), kHashBytes);
    PKCS5_PBKDF2_HMAC(kPassword, static_cast<int>(std::strlen(kPassword)), salt.data(), kHashBytes,
                      50000, EVP_sha512(), kHashBytes, hash.data());
    hash_ = absl::StrCat("[", absl::StrJoin(hash, ", "), "]");
  }

  void Start(bool unlocked) override {
    const bool is_new = !std::filesystem::exists(Folder() + "/kdewallet.kwl");
    StartDaemon();
    if (is_new) {
      // The Secret Service does not show a wallet before the start after its creation.
      OpenWallet();
      Kill();
      StartDaemon();
    }
    WaitUntil(bus_, "a default collection", [&] { return !DefaultCollection(bus_).empty(); });
    if (unlocked) Unlock();
  }

  void Kill() override { process_.reset(); }

  void Lock() override {
    CallSecrets(bus_, kSecretsPath, "org.freedesktop.Secret.Service.Lock", {DefaultCollections()});
    WaitUntilLocked(bus_, /*locked=*/true);
  }

  // In a closed wallet the prompt would ask a person for the password.
  void Unlock() override {
    OpenWallet();
    const std::string answer = CallSecrets(
        bus_, kSecretsPath, "org.freedesktop.Secret.Service.Unlock", {DefaultCollections()});
    const std::string prompt = PathIn(answer, absl::StrCat(kSecretsPath, "/prompt/"));
    if (!prompt.empty()) {
      CallSecrets(bus_, prompt, "org.freedesktop.Secret.Prompt.Prompt", {""});
    }
    WaitUntilLocked(bus_, /*locked=*/false);
  }

 private:
  static constexpr int kHashBytes = 56;

  std::string Folder() const { return bus_.folder() + "/data/kwalletd"; }
  std::string DefaultCollections() const {
    return absl::StrCat("['", DefaultCollection(bus_), "']");
  }

  std::string CallWallet(const std::string& method, const std::vector<std::string>& arguments) {
    return Call(bus_, "org.kde.kwalletd5", "/modules/kwalletd5", "org.kde.KWallet." + method,
                arguments);
  }

  void StartDaemon() {
    process_ = std::make_unique<ChildProcess>(
        ChildOptions{{"kwalletd5"}, EnvironmentWithoutDisplay(bus_), "", bus_.folder() + "/log"});
    WaitUntil(bus_, "kwalletd5",
              [&] { return absl::StrContains(CallWallet("isEnabled", {}), "true"); });
  }

  void OpenWallet() {
    CallWallet("pamOpen", {"kdewallet", hash_, "0"});
    WaitUntil(bus_, "an open wallet",
              [&] { return absl::StrContains(CallWallet("isOpen", {"kdewallet"}), "true"); });
  }

  const PrivateBus& bus_;
  std::string hash_;  // in the text format of GVariant
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace

std::unique_ptr<SecretProvider> MakeKeePassXc(const PrivateBus& bus) {
  return std::make_unique<KeePassXc>(bus);
}

std::unique_ptr<SecretProvider> MakeKWallet(const PrivateBus& bus) {
  return std::make_unique<KWallet>(bus);
}

void PlantWithSecretTool(const PrivateBus& bus, const PrivateBus::Attributes& attributes,
                         const std::string& label, const std::string& secret) {
  std::vector<std::string> command = {"secret-tool", "store", "--label=" + label};
  for (const auto& [key, value] : attributes) command.insert(command.end(), {key, value});
  RunOrFail(bus, std::move(command), secret);
}

}  // namespace billbroker
