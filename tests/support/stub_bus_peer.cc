#include "tests/support/stub_bus_peer.h"

#include <cstdlib>
#include <future>
#include <utility>

#include "absl/strings/match.h"

namespace billbroker {
namespace {

constexpr guint kDoNotQueue = 4;
constexpr guint kIsOwner = 1;

using Work = std::function<void()>;

gboolean RunWork(gpointer work) {
  (*static_cast<Work*>(work))();
  return G_SOURCE_REMOVE;
}

void AttachWork(GMainContext* context, absl::Duration delay, Work work) {
  GSource* source = delay > absl::ZeroDuration()
                        ? g_timeout_source_new(static_cast<guint>(absl::ToInt64Milliseconds(delay)))
                        : g_idle_source_new();
  g_source_set_priority(source, G_PRIORITY_DEFAULT);  // keeps the order of arrival
  g_source_set_callback(source, RunWork, new Work(std::move(work)),
                        [](gpointer data) { delete static_cast<Work*>(data); });
  g_source_attach(source, context);
  g_source_unref(source);
}

bool IsServed(absl::string_view interface) {
  return absl::StartsWith(interface, "org.freedesktop.Secret.") ||
         interface == "org.freedesktop.DBus.Properties";
}

[[noreturn]] void Die(const char* step, const GErrorPtr& error) {
  g_printerr("stub Secret Service: %s: %s\n", step, error == nullptr ? "refused" : error->message);
  std::abort();
}

}  // namespace

// Lives as long as the filter of one connection, which runs on GDBus's own thread.
struct StubBusPeer::Route {
  StubBusPeer* peer;
  GMainContext* context;
  std::uint64_t connection;
};

StubBusPeer::StubBusPeer(Handler handler)
    : handler_(std::move(handler)),
      context_(g_main_context_new()),
      loop_(g_main_loop_new(context_, FALSE)),
      thread_([this] {
        g_main_context_push_thread_default(context_);
        g_main_loop_run(loop_);
        g_main_context_pop_thread_default(context_);
      }) {}

StubBusPeer::~StubBusPeer() {
  Run([this] { Close(); });
  AttachWork(context_, absl::ZeroDuration(), [this] { g_main_loop_quit(loop_); });
  thread_.join();
  g_main_loop_unref(loop_);
  g_main_context_unref(context_);
}

void StubBusPeer::Run(absl::FunctionRef<void()> work) {
  std::promise<void> done;
  AttachWork(context_, absl::ZeroDuration(), [&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

void StubBusPeer::RunAfter(absl::Duration delay, std::function<void()> work) {
  AttachWork(context_, delay, std::move(work));
}

void StubBusPeer::Open(const std::string& address, const std::string& name) {
  constexpr auto kFlags =
      static_cast<GDBusConnectionFlags>(G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                        G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION);
  Close();
  GErrorPtr error;
  connection_.reset(g_dbus_connection_new_for_address_sync(address.c_str(), kFlags, nullptr,
                                                           nullptr, Out(error)));
  if (connection_ == nullptr) Die("connecting to the bus", error);
  g_dbus_connection_add_filter(connection_.get(), &StubBusPeer::Filter,
                               new Route{this, g_main_context_ref(context_), ++opened_},
                               [](gpointer data) {
                                 auto* route = static_cast<Route*>(data);
                                 g_main_context_unref(route->context);
                                 delete route;
                               });
  name_ = name;
  const GVariantPtr answer =
      CallBus("RequestName", g_variant_new("(su)", name.c_str(), kDoNotQueue), error);
  guint result = 0;
  if (answer != nullptr) g_variant_get(answer.get(), "(u)", &result);
  if (result != kIsOwner) Die("owning the name", error);
}

void StubBusPeer::Close() {
  if (connection_ == nullptr) return;
  // The bus may notice the closed connection only later, so the name is released first.
  GErrorPtr error;
  (void)CallBus("ReleaseName", g_variant_new("(s)", name_.c_str()), error);
  g_dbus_connection_close_sync(connection_.get(), nullptr, nullptr);
  connection_.reset();
}

GVariantPtr StubBusPeer::CallBus(const char* method, GVariant* arguments, GErrorPtr& error) {
  return GVariantPtr(g_dbus_connection_call_sync(
      connection_.get(), "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
      method, arguments, G_VARIANT_TYPE("(u)"), G_DBUS_CALL_FLAGS_NONE, -1, nullptr, Out(error)));
}

// Runs on GDBus's thread.
GDBusMessage* StubBusPeer::Filter(GDBusConnection* /*connection*/, GDBusMessage* message,
                                  gboolean incoming, gpointer route) {
  const char* interface = g_dbus_message_get_interface(message);
  if (incoming == FALSE || interface == nullptr ||
      g_dbus_message_get_message_type(message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL ||
      !IsServed(interface)) {
    return message;
  }
  const auto* target = static_cast<Route*>(route);
  auto call = std::make_shared<Call>();
  call->message.reset(message);
  call->connection = target->connection;
  StubBusPeer* peer = target->peer;
  AttachWork(target->context, absl::ZeroDuration(), [peer, call = std::move(call)] {
    if (peer->IsCurrent(*call)) peer->handler_(call);
  });
  return nullptr;
}

void StubBusPeer::Answer(const Call& call, GVariant* body) {
  GObjectPtr<GDBusMessage> reply(g_dbus_message_new_method_reply(call.message.get()));
  g_dbus_message_set_body(reply.get(), body);
  if (IsCurrent(call)) Send(std::move(reply));
}

void StubBusPeer::AnswerError(const Call& call, const std::string& error,
                              const std::string& message) {
  GObjectPtr<GDBusMessage> reply(
      g_dbus_message_new_method_error_literal(call.message.get(), error.c_str(), message.c_str()));
  if (IsCurrent(call)) Send(std::move(reply));
}

void StubBusPeer::SendSignal(const std::string& path, const std::string& interface,
                             const std::string& name, GVariant* body) {
  GObjectPtr<GDBusMessage> signal(
      g_dbus_message_new_signal(path.c_str(), interface.c_str(), name.c_str()));
  g_dbus_message_set_body(signal.get(), body);
  Send(std::move(signal));
}

void StubBusPeer::Send(GObjectPtr<GDBusMessage> message) {
  if (connection_ == nullptr) return;
  g_dbus_connection_send_message(connection_.get(), message.get(), G_DBUS_SEND_MESSAGE_FLAGS_NONE,
                                 nullptr, nullptr);
}

}  // namespace billbroker
