#include "tests/support/private_bus.h"

#include <gio/gio.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "vault/keyring/glib_ptr.h"

namespace billbroker {
namespace {

constexpr char kSecrets[] = "org.freedesktop.secrets";
constexpr char kSecretsPath[] = "/org/freedesktop/secrets";
constexpr char kServiceInterface[] = "org.freedesktop.Secret.Service";
constexpr absl::Duration kPatience = absl::Seconds(10);

std::string ReadFile(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

GVariant* ToVariant(const PrivateBus::Attributes& attributes) {
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
  for (const auto& [key, value] : attributes) {
    g_variant_builder_add(&builder, "{ss}", key.c_str(), value.c_str());
  }
  return g_variant_builder_end(&builder);
}

GVariant* Bytes(const std::string& text) {
  return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, text.data(), text.size(), 1);
}

}  // namespace

// A connection that is separate from the one of the code under test.
class PrivateBus::Client final {
 public:
  explicit Client(const PrivateBus& bus) : log_(bus.folder() + "/log") {
    constexpr auto kFlags =
        static_cast<GDBusConnectionFlags>(G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                          G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION);
    WaitUntil("a connection to the bus", [&] {
      connection_.reset(g_dbus_connection_new_for_address_sync(bus.address().c_str(), kFlags,
                                                               nullptr, nullptr, nullptr));
      return connection_ != nullptr;
    });
  }

  ~Client() { g_dbus_connection_close_sync(connection_.get(), nullptr, nullptr); }

  void WaitUntil(const char* what, const std::function<bool()>& condition) const {
    const absl::Time end = absl::Now() + kPatience;
    while (!condition()) {
      if (absl::Now() > end) Fail(what);
      absl::SleepFor(absl::Milliseconds(2));
    }
  }

  void WaitForOwner() const {
    WaitUntil("a Secret Service", [&] {
      const GVariantPtr answer = AskBus("NameHasOwner", kSecrets);
      if (answer == nullptr) return FALSE;
      gboolean owned = FALSE;
      g_variant_get(answer.get(), "(b)", &owned);
      return owned;
    });
  }

  // Calls a method of the bus itself that takes a name. Returns null if the name has no owner.
  GVariantPtr AskBus(const char* method, const char* name) const {
    return GVariantPtr(g_dbus_connection_call_sync(
        connection_.get(), "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        method, g_variant_new("(s)", name), nullptr, G_DBUS_CALL_FLAGS_NO_AUTO_START,
        static_cast<int>(absl::ToInt64Milliseconds(kPatience)), nullptr, nullptr));
  }

  GVariantPtr Ask(const std::string& path, const char* interface, const char* method,
                  GVariant* arguments) const {
    return Call(kSecrets, path.c_str(), interface, method, arguments);
  }

  std::string Collection() const {
    const GVariantPtr answer =
        Ask(kSecretsPath, kServiceInterface, "ReadAlias", g_variant_new("(s)", "default"));
    const char* path = nullptr;
    g_variant_get(answer.get(), "(&o)", &path);
    return path;
  }

  // A secret for the unencrypted session of this connection.
  GVariant* Secret(const std::string& text) const {
    const GVariantPtr answer = Ask(kSecretsPath, kServiceInterface, "OpenSession",
                                   g_variant_new("(sv)", "plain", g_variant_new_string("")));
    const char* session = nullptr;
    g_variant_get_child(answer.get(), 1, "&o", &session);
    return g_variant_new("(o@ay@ays)", session, Bytes(""), Bytes(text), "text/plain");
  }

 private:
  GVariantPtr Call(const char* name, const char* path, const char* interface, const char* method,
                   GVariant* arguments) const {
    GErrorPtr error;
    GVariantPtr answer(g_dbus_connection_call_sync(
        connection_.get(), name, path, interface, method, arguments, nullptr,
        G_DBUS_CALL_FLAGS_NO_AUTO_START, static_cast<int>(absl::ToInt64Milliseconds(kPatience)),
        nullptr, Out(error)));
    if (answer == nullptr) Fail(absl::StrCat(method, ": ", error->message).c_str());
    return answer;
  }

  [[noreturn]] void Fail(const char* what) const {
    std::fprintf(stderr, "private bus: waited in vain for %s\n%s\n", what, ReadFile(log_).c_str());
    std::abort();
  }

  std::string log_;
  GObjectPtr<GDBusConnection> connection_;
};

PrivateBus::PrivateBus(Start start) {
  std::string pattern = std::filesystem::temp_directory_path() / "billbroker-bus-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) std::abort();
  folder_ = pattern;
  std::filesystem::create_directory(folder_ + "/run");
  std::filesystem::permissions(folder_ + "/run", std::filesystem::perms::owner_all);
  WriteConfig(Guests::kRefused);
  if (start == Start::kNothing) return;
  StartBus();
  if (start == Start::kBusAndUnlockedProvider) StartProvider(/*unlocked=*/true);
}

void PrivateBus::WriteConfig(Guests guests) const {
  std::ofstream(folder_ + "/bus.conf")
      << R"(<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN")"
      << R"( "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">)"
      << "<busconfig><type>session</type><listen>" << address() << "</listen>"
      << R"(<auth>EXTERNAL</auth><policy context="default">)"
      << R"(<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>)"
      << R"(<allow own="*"/>)" << (guests == Guests::kAdmitted ? R"(<allow user="*"/>)" : "")
      << "</policy></busconfig>";
}

PrivateBus::~PrivateBus() {
  provider_.reset();
  bus_.reset();
  std::filesystem::remove_all(folder_);
}

std::vector<std::string> PrivateBus::environment() const {
  const char* path = std::getenv("PATH");
  const char* sanitizer = std::getenv("ASAN_OPTIONS");
  return {absl::StrCat("ASAN_OPTIONS=", sanitizer == nullptr ? "" : sanitizer),
          absl::StrCat("PATH=", path == nullptr ? "/usr/bin:/bin" : path),
          absl::StrCat("DBUS_SESSION_BUS_ADDRESS=", address()),
          absl::StrCat("HOME=", folder_),
          absl::StrCat("XDG_RUNTIME_DIR=", folder_, "/run"),
          absl::StrCat("XDG_DATA_HOME=", folder_, "/data"),
          absl::StrCat("XDG_CONFIG_HOME=", folder_, "/config")};
}

void PrivateBus::Export() const { setenv("DBUS_SESSION_BUS_ADDRESS", address().c_str(), 1); }

void PrivateBus::StartBus() {
  bus_ = std::make_unique<ChildProcess>(
      ChildOptions{{"dbus-daemon", "--nofork", "--config-file=" + folder_ + "/bus.conf"},
                   environment(),
                   "",
                   folder_ + "/log"});
  const Client wait_until_it_answers(*this);
}

void PrivateBus::StartBusAs(uid_t user, Guests guests) {
  WriteConfig(guests);
  const std::string id = std::to_string(user);
  std::filesystem::remove(folder_ + "/bus");
  std::filesystem::permissions(folder_, std::filesystem::perms::all);
  bus_ = std::make_unique<ChildProcess>(ChildOptions{
      {"setpriv", "--reuid=" + id, "--regid=" + id, "--clear-groups", "--pdeathsig=KILL",
       "dbus-daemon", "--nofork", "--config-file=" + folder_ + "/bus.conf"},
      environment(),
      "",
      folder_ + "/log"});
  const absl::Time end = absl::Now() + kPatience;
  while (!std::filesystem::exists(folder_ + "/bus") && absl::Now() < end) {
    absl::SleepFor(absl::Milliseconds(2));
  }
}

void PrivateBus::StopBus() const { bus_->Signal(SIGSTOP); }
void PrivateBus::ContinueBus() const { bus_->Signal(SIGCONT); }

void PrivateBus::KillBus() {
  provider_.reset();
  bus_.reset();
}

void PrivateBus::StartProvider(bool unlocked) {
  std::vector<std::string> command = {"gnome-keyring-daemon", "--foreground",
                                      "--components=secrets"};
  if (unlocked) command.emplace_back("--unlock");
  provider_ = std::make_unique<ChildProcess>(
      ChildOptions{command, environment(), unlocked ? kPassword : "", folder_ + "/log"});
  const Client client(*this);
  client.WaitForOwner();
  if (unlocked) {
    client.WaitUntil("default keyring", [&] { return client.Collection() != "/"; });
  }
}

void PrivateBus::KillProvider() { provider_.reset(); }
void PrivateBus::StopProvider() const { provider_->Signal(SIGSTOP); }
void PrivateBus::ContinueProvider() const { provider_->Signal(SIGCONT); }

std::vector<pid_t> PrivateBus::ProviderPids() const {
  const Client client(*this);
  std::vector<pid_t> pids;
  const GVariantPtr answer = client.AskBus("ListQueuedOwners", kSecrets);
  if (answer == nullptr) return pids;
  const GVariantPtr names(g_variant_get_child_value(answer.get(), 0));
  for (gsize i = 0; i < g_variant_n_children(names.get()); ++i) {
    const char* name = nullptr;
    g_variant_get_child(names.get(), i, "&s", &name);
    const GVariantPtr owner = client.AskBus("GetConnectionUnixProcessID", name);
    if (owner == nullptr) continue;  // it has just ended
    guint32 pid = 0;
    g_variant_get(owner.get(), "(u)", &pid);
    pids.push_back(static_cast<pid_t>(pid));
  }
  return pids;
}

void PrivateBus::Lock() {
  const Client client(*this);
  const std::string collection = client.Collection();
  const char* paths[] = {collection.c_str()};
  client.Ask(kSecretsPath, kServiceInterface, "Lock",
             g_variant_new("(@ao)", g_variant_new_objv(paths, 1)));
}

void PrivateBus::Unlock() {
  const Client client(*this);
  const std::string collection = client.Collection();
  client.Ask(kSecretsPath, "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface",
             "UnlockWithMasterPassword",
             g_variant_new("(o@(oayays))", collection.c_str(), client.Secret(kPassword)));
}

void PrivateBus::Plant(const Attributes& attributes, const std::string& label,
                       const std::string& secret) {
  const Client client(*this);
  GVariantBuilder properties;
  g_variant_builder_init(&properties, G_VARIANT_TYPE("a{sv}"));
  g_variant_builder_add(&properties, "{sv}", "org.freedesktop.Secret.Item.Label",
                        g_variant_new_string(label.c_str()));
  g_variant_builder_add(&properties, "{sv}", "org.freedesktop.Secret.Item.Attributes",
                        ToVariant(attributes));
  client.Ask(client.Collection(), "org.freedesktop.Secret.Collection", "CreateItem",
             g_variant_new("(a{sv}@(oayays)b)", &properties, client.Secret(secret), FALSE));
}

int PrivateBus::CountItems(const Attributes& attributes) {
  const Client client(*this);
  const GVariantPtr answer = client.Ask(kSecretsPath, kServiceInterface, "SearchItems",
                                        g_variant_new("(@a{ss})", ToVariant(attributes)));
  int count = 0;
  for (const int list : {0, 1}) {
    const GVariantPtr paths(g_variant_get_child_value(answer.get(), list));
    count += static_cast<int>(g_variant_n_children(paths.get()));
  }
  return count;
}

std::string PrivateBus::Run(const std::vector<std::string>& command,
                            const std::string& standard_input) const {
  const std::string output = folder_ + "/output";
  std::filesystem::remove(output);
  ChildProcess(ChildOptions{command, environment(), standard_input, output}).Wait();
  return ReadFile(output);
}

}  // namespace billbroker
