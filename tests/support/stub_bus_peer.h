// StubBusPeer: a program on a private bus that owns a name and receives raw method calls.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "vault/keyring/glib_ptr.h"

namespace billbroker {

// Runs on a thread of its own with a GMainContext of its own. GDBus checks the answers of its
// exported objects; raw messages may be wrong in any way. Aborts if the bus refuses the name.
class StubBusPeer final {
 public:
  // A call of an interface org.freedesktop.Secret.*, or of a property.
  struct Call {
    GObjectPtr<GDBusMessage> message;
    std::uint64_t connection;  // counts the calls of Open()
  };
  using Handler = std::function<void(std::shared_ptr<const Call>)>;

  // `handler` is called on the peer's thread. A call is shared: timers and lists hold it.
  explicit StubBusPeer(Handler handler);
  ~StubBusPeer();
  StubBusPeer(const StubBusPeer&) = delete;
  StubBusPeer& operator=(const StubBusPeer&) = delete;

  // Runs `work` on the peer's thread and returns when it is done. Every other method is for that
  // thread only.
  void Run(absl::FunctionRef<void()> work);
  void RunAfter(absl::Duration delay, std::function<void()> work);

  void Open(const std::string& address, const std::string& name);
  // Releases the name and closes the connection. Unanswered calls fail at their callers.
  void Close();
  // Returns false also if the bus has ended.
  [[nodiscard]] bool is_open() const {
    return connection_ != nullptr && g_dbus_connection_is_closed(connection_.get()) == FALSE;
  }

  // Returns false if the connection that the call came on is closed. Answers are dropped then.
  [[nodiscard]] bool IsCurrent(const Call& call) const {
    return is_open() && call.connection == opened_;
  }
  void Answer(const Call& call, GVariant* body);
  void AnswerError(const Call& call, const std::string& error, const std::string& message);
  // Does nothing without a connection.
  void SendSignal(const std::string& path, const std::string& interface, const std::string& name,
                  GVariant* body);

 private:
  struct Route;

  static GDBusMessage* Filter(GDBusConnection* connection, GDBusMessage* message, gboolean incoming,
                              gpointer route);
  GVariantPtr CallBus(const char* method, GVariant* arguments, GErrorPtr& error);
  void Send(GObjectPtr<GDBusMessage> message);

  const Handler handler_;
  GMainContext* const context_;
  GMainLoop* const loop_;
  GObjectPtr<GDBusConnection> connection_;
  std::string name_;
  std::uint64_t opened_ = 0;
  std::thread thread_;
};

}  // namespace billbroker
