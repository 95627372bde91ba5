#include "vault/keyring/session_bus.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "vault/keyring/async_call.h"
#include "vault/keyring/bus_address.h"

namespace billbroker {
namespace {

constexpr char kPromptInterface[] = "org.freedesktop.Secret.Prompt";
constexpr char kBusName[] = "org.freedesktop.DBus";
constexpr char kBusPath[] = "/org/freedesktop/DBus";
constexpr absl::Duration kCloseTime = absl::Milliseconds(250);
constexpr guint kPromptLook = 500;  // milliseconds between two looks at the bus during a prompt
constexpr std::size_t kMaxErrorText = 200;

// Returns text of the provider as it may be shown: one line, bounded.
std::string CleanText(absl::string_view text) {
  std::string clean;
  for (const char c : text.substr(0, kMaxErrorText)) {
    clean.push_back(absl::ascii_isprint(static_cast<unsigned char>(c)) ? c : ' ');
  }
  return std::string(absl::StripAsciiWhitespace(clean));
}

std::string RemoteNameOf(const GError& error) {
  const GCharPtr name(g_dbus_error_get_remote_error(&error));
  return name == nullptr ? "" : std::string(name.get());
}

std::string TextOf(const GError& error) {
  const GErrorPtr copy(g_error_copy(&error));
  g_dbus_error_strip_remote_error(copy.get());
  return CleanText(copy->message);
}

// The name of the program from its command line: a process that locks memory may not show its
// executable.
std::string ProgramOf(std::uint32_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/cmdline"));
  std::string first;
  std::getline(file, first, '\0');
  return CleanText(first.substr(first.rfind('/') + 1));
}

bool NamesUnknownObject(absl::string_view name) {
  return name == "org.freedesktop.Secret.Error.NoSuchObject" ||
         name == "org.freedesktop.DBus.Error.UnknownObject" ||
         name == "org.freedesktop.DBus.Error.UnknownMethod" ||
         name == "org.freedesktop.DBus.Error.UnknownInterface";
}

bool NamesAbsentProvider(absl::string_view name) {
  return name == "org.freedesktop.DBus.Error.ServiceUnknown" ||
         name == "org.freedesktop.DBus.Error.NameHasNoOwner" ||
         absl::StartsWith(name, "org.freedesktop.DBus.Error.Spawn.");
}

// Returns the path of the object that a prompt made, from its signal "Completed"; empty if it made
// none.
absl::StatusOr<std::string> MadeByPrompt(GVariant* parameters) {
  gboolean dismissed = TRUE;
  GVariantPtr made;
  if (g_variant_is_of_type(parameters, G_VARIANT_TYPE("(bv)"))) {
    g_variant_get(parameters, "(bv)", &dismissed, static_cast<GVariant**>(Out(made)));
  }
  if (dismissed != FALSE) {
    return VaultError(VaultState::kNeedsConfirmation,
                      {"a person refused the change in the Secret Service"});
  }
  const bool has_path = g_variant_is_of_type(made.get(), G_VARIANT_TYPE_OBJECT_PATH);
  return std::string(has_path ? g_variant_get_string(made.get(), nullptr) : "");
}

// Returns the end of a prompt whose provider or bus ended first.
absl::Status EndedWithoutAnswer(VaultState state, absl::string_view what) {
  return VaultError(state, {absl::StrCat(what, " ended before the change was confirmed"),
                            "repeat the change once the keyring is ready"});
}

}  // namespace

// A prompt that is shown: subscribes to its end, and looks regularly whether the bus has ended.
class SessionBus::Prompt final {
 public:
  Prompt(SessionBus& bus, const std::string& path, OnPrompted prompted)
      : prompted_(std::move(prompted)),
        connection_(G_DBUS_CONNECTION(g_object_ref(bus.bus_.get()))),
        subscription_(g_dbus_connection_signal_subscribe(
            connection_.get(), kSecretServiceName, kPromptInterface, "Completed", path.c_str(),
            nullptr, G_DBUS_SIGNAL_FLAGS_NONE, &SessionBus::OnPromptCompleted, &bus, nullptr)),
        timer_(g_timeout_source_new(kPromptLook)) {
    g_source_set_callback(timer_, Look, &bus, nullptr);
    g_source_attach(timer_, g_main_context_get_thread_default());
  }
  ~Prompt() {
    g_dbus_connection_signal_unsubscribe(connection_.get(), subscription_);
    g_source_destroy(timer_);
    g_source_unref(timer_);
  }
  Prompt(const Prompt&) = delete;
  Prompt& operator=(const Prompt&) = delete;

  void End(const absl::StatusOr<std::string>& made) const { prompted_(made); }

 private:
  // The connection's signal "closed" arrives on the thread that opened it, which may be another
  // user's of the shared connection.
  static gboolean Look(gpointer bus) {
    auto* self = static_cast<SessionBus*>(bus);
    if (self->bus_ != nullptr && g_dbus_connection_is_closed(self->bus_.get()) != FALSE) {
      self->EndPrompts(EndedWithoutAnswer(VaultState::kNoBus, "the D-Bus session bus"));
    }
    return G_SOURCE_CONTINUE;
  }

  const OnPrompted prompted_;
  const GObjectPtr<GDBusConnection> connection_;
  const guint subscription_;
  GSource* const timer_;
};

SessionBus::SessionBus() = default;
SessionBus::~SessionBus() { Close(); }

absl::Status SessionBus::Open(Deadline deadline) {
  if (bus_ != nullptr && g_dbus_connection_is_closed(bus_.get())) Close();
  if (bus_ != nullptr) return absl::OkStatus();
  const std::string address = FindBusAddress();
  provider_ = {.bus_address = address};
  if (address.empty()) return VaultError(VaultState::kNoBus);
  GErrorPtr error;
  {
    AsyncCall call(deadline);
    g_bus_get(G_BUS_TYPE_SESSION, call.cancellable(), AsyncCall::Done, &call);
    bus_.reset(g_bus_get_finish(call.Wait(), Out(error)));
  }
  if (error != nullptr) {
    const bool timed_out = g_error_matches(error.get(), G_IO_ERROR, G_IO_ERROR_CANCELLED);
    return VaultError(VaultState::kNoBus, ExplainBusFailure(address, timed_out, TextOf(*error)));
  }
  // By default the loss of the bus would end the process.
  g_dbus_connection_set_exit_on_close(bus_.get(), FALSE);
  absl::optional<VaultFinding> unusable = FindForeignPeer(address, bus_.get());
  if (!unusable.has_value() && g_dbus_connection_is_closed(bus_.get()) != FALSE) {
    unusable = ExplainBusFailure(address, false, "it was closed");
  }
  if (unusable.has_value()) {
    Close();
    provider_ = {.bus_address = address};
    return VaultError(VaultState::kNoBus, *unusable);
  }
  owner_changed_ = true;  // nothing is known of the provider
  silent_ = false;
  Listen();
  return absl::OkStatus();
}

// Some providers, such as gnome-keyring, report a replaced item as created.
void SessionBus::Listen() {
  item_subscription_ = g_dbus_connection_signal_subscribe(
      bus_.get(), kSecretServiceName, kSecretCollectionInterface, nullptr, nullptr, nullptr,
      G_DBUS_SIGNAL_FLAGS_NONE, &SessionBus::OnItemSignal, this, nullptr);
  owner_subscription_ = g_dbus_connection_signal_subscribe(
      bus_.get(), kBusName, kBusName, "NameOwnerChanged", kBusPath, kSecretServiceName,
      G_DBUS_SIGNAL_FLAGS_NONE, &SessionBus::OnOwnerChanged, this, nullptr);
}

void SessionBus::OnItemSignal(GDBusConnection* /*bus*/, const char* /*sender*/,
                              const char* /*path*/, const char* /*interface*/,
                              const char* /*signal*/, GVariant* parameters, gpointer self) {
  if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(o)"))) return;
  const char* item = nullptr;
  g_variant_get(parameters, "(&o)", &item);
  static_cast<SessionBus*>(self)->changed_items_.emplace(item);
}

void SessionBus::OnOwnerChanged(GDBusConnection* /*bus*/, const char* /*sender*/,
                                const char* /*path*/, const char* /*interface*/,
                                const char* /*signal*/, GVariant* /*parameters*/, gpointer self) {
  auto* bus = static_cast<SessionBus*>(self);
  bus->owner_changed_ = true;
  bus->provider_ = {.bus_address = bus->provider_.bus_address};
  bus->EndPrompts(EndedWithoutAnswer(VaultState::kNoProvider, "the Secret Service"));
}

absl::StatusOr<GVariantPtr> SessionBus::Call(const std::string& path, const char* interface,
                                             const char* method, GVariant* arguments,
                                             const char* reply_type, Deadline deadline) {
  GErrorPtr error;
  AsyncCall call(deadline);
  g_dbus_connection_call(bus_.get(), kSecretServiceName, path.c_str(), interface, method, arguments,
                         G_VARIANT_TYPE(reply_type), G_DBUS_CALL_FLAGS_NONE, G_MAXINT,
                         call.cancellable(), AsyncCall::Done, &call);
  GVariantPtr answer(g_dbus_connection_call_finish(bus_.get(), call.Wait(), Out(error)));
  if (error != nullptr) return Explain(*error);
  return answer;
}

absl::Status SessionBus::ShowPrompt(const std::string& path, OnPrompted prompted,
                                    Deadline deadline) {
  prompts_[path] = std::make_unique<Prompt>(*this, path, std::move(prompted));
  absl::Status shown =
      Call(path, kPromptInterface, "Prompt", g_variant_new("(s)", ""), "()", deadline).status();
  if (!shown.ok()) prompts_.erase(path);
  return shown;
}

void SessionBus::OnPromptCompleted(GDBusConnection* /*bus*/, const char* /*sender*/,
                                   const char* path, const char* /*interface*/,
                                   const char* /*signal*/, GVariant* parameters, gpointer self) {
  // Taken out first: the receiver may show another prompt.
  const auto ended = static_cast<SessionBus*>(self)->prompts_.extract(path);
  if (ended.empty()) return;
  ended.mapped()->End(MadeByPrompt(parameters));
}

void SessionBus::EndPrompts(const absl::Status& end) {
  for (const auto& [path, prompt] : std::exchange(prompts_, {})) prompt->End(end);
}

void SessionBus::DismissPrompt(const std::string& path) {
  prompts_.erase(path);
  if (bus_ == nullptr) return;
  g_dbus_connection_call(bus_.get(), kSecretServiceName, path.c_str(), kPromptInterface, "Dismiss",
                         nullptr, nullptr, G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, nullptr, nullptr,
                         nullptr);
}

absl::Status SessionBus::FindProvider(Deadline deadline) {
  GErrorPtr error;
  AsyncCall call(deadline);
  g_dbus_connection_call(bus_.get(), kBusName, kBusPath, kBusName, "GetConnectionUnixProcessID",
                         g_variant_new("(s)", kSecretServiceName), G_VARIANT_TYPE("(u)"),
                         G_DBUS_CALL_FLAGS_NONE, G_MAXINT, call.cancellable(), AsyncCall::Done,
                         &call);
  const GVariantPtr answer(g_dbus_connection_call_finish(bus_.get(), call.Wait(), Out(error)));
  if (answer == nullptr) {
    silent_ = g_error_matches(error.get(), G_IO_ERROR, G_IO_ERROR_CANCELLED) != FALSE;
    if (!silent_) return absl::OkStatus();  // no provider yet: the bus can start one
    return Silent();
  }
  silent_ = false;
  guint32 pid = 0;
  g_variant_get(answer.get(), "(u)", &pid);
  if (pid == provider_.process_id) return absl::OkStatus();
  provider_.process_id = pid;
  provider_.program = ProgramOf(pid);
  if (!provider_.program.empty()) last_program_ = provider_.program;
  return absl::OkStatus();
}

absl::Status SessionBus::Silent() const {
  return VaultError(VaultState::kNoBus, ExplainBusFailure(provider_.bus_address, true, ""));
}

absl::Status SessionBus::NoProvider(const std::string& what) const {
  return VaultError(VaultState::kNoProvider, {.what = what, .program = last_program_});
}

absl::Status SessionBus::Explain(const GError& error) const {
  const std::string& program = provider_.program;
  const std::string name = RemoteNameOf(error);
  if (name == "org.freedesktop.Secret.Error.IsLocked" ||
      g_error_matches(&error, SECRET_ERROR, SECRET_ERROR_IS_LOCKED)) {
    return VaultError(VaultState::kLocked, {.program = program});
  }
  if (NamesUnknownObject(name)) return absl::NotFoundError("no such object");
  if (bus_ == nullptr || g_dbus_connection_is_closed(bus_.get())) {
    return VaultError(VaultState::kNoBus,
                      {absl::StrCat("the D-Bus session bus at ", provider_.bus_address, " ended")});
  }
  if (g_error_matches(&error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
      g_error_matches(&error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
    return silent_ ? Silent() : VaultError(VaultState::kTimedOut, {.program = program});
  }
  if (NamesAbsentProvider(name)) return NoProvider();
  if (name == "org.freedesktop.DBus.Error.NoReply") {  // the bus answers for a process that ended
    return NoProvider("the Secret Service ended before it answered");
  }
  const std::string text = TextOf(error);
  return VaultError(VaultState::kFailing,
                    {.what = absl::StrCat("the Secret Service ",
                                          program.empty() ? "" : absl::StrCat("(", program, ") "),
                                          "answered: ", text.empty() ? CleanText(name) : text),
                     .program = program});
}

// GIO shares one connection among all users of the session bus, even a closed one, until the last
// reference is released. Some references are released when the main context runs.
void SessionBus::Close() {
  if (bus_ == nullptr) return;
  EndPrompts(EndedWithoutAnswer(VaultState::kNoBus, "the D-Bus session bus"));
  for (guint* subscription : {&item_subscription_, &owner_subscription_}) {
    if (*subscription != 0) g_dbus_connection_signal_unsubscribe(bus_.get(), *subscription);
    *subscription = 0;
  }
  GWeakRef connection;
  g_weak_ref_init(&connection, bus_.get());
  on_close_();
  bus_.reset();
  provider_ = {};
  GMainContext* context = g_main_context_get_thread_default();
  const Deadline deadline = Deadline::After(kCloseTime);
  while (deadline.Remaining() > absl::ZeroDuration()) {
    while (g_main_context_iteration(context, FALSE)) {
    }
    const GObjectPtr<GObject> held(static_cast<GObject*>(g_weak_ref_get(&connection)));
    if (held == nullptr) break;
    g_thread_yield();
  }
  g_weak_ref_clear(&connection);
}

}  // namespace billbroker
