#include "tests/simulator/control_front.h"

#include "absl/memory/memory.h"
#include "tests/simulator/elastic_threads.h"
#include "tests/simulator/httplib_calls.h"

namespace billbroker::billsim {
namespace {

constexpr std::size_t kMaxControlConnections = 64;

}  // namespace

absl::StatusOr<std::unique_ptr<ControlFront>> ControlFront::Start(Control& control, int port) {
  auto front = absl::WrapUnique(new ControlFront());
  httplib::Server& server = front->server_;
  server.new_task_queue = [] { return new ElasticThreads(kMaxControlConnections); };
  // One call per connection and a read timeout of a second keep stopping short.
  server.set_keep_alive_max_count(1);
  server.set_keep_alive_timeout(1);
  server.set_read_timeout(1);
  HandleAll(server, [&control](const httplib::Request& request, httplib::Response& response) {
    SetAnswer(control.Handle(CallOf(request, request.path)), response);
  });
  const absl::StatusOr<int> bound = BindLoopback(server, port);
  if (!bound.ok()) return bound.status();
  front->port_ = *bound;
  front->thread_ = std::thread([&server] { server.listen_after_bind(); });
  if (absl::Status status = AwaitRunning(server); !status.ok()) return status;
  return front;
}

ControlFront::~ControlFront() {
  if (!thread_.joinable()) return;
  server_.stop();
  thread_.join();
}

}  // namespace billbroker::billsim
