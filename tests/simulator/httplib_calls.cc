#include "tests/simulator/httplib_calls.h"

#include <sys/socket.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace billbroker::billsim {

HttpCall CallOf(const httplib::Request& request, absl::string_view path) {
  HttpCall call;
  call.method = request.method;
  call.path = std::string(path);
  for (const auto& [name, value] : request.headers)
    call.headers[absl::AsciiStrToLower(name)] = value;
  for (const auto& [name, value] : request.params) call.query[name] = value;
  call.body = request.body;
  return call;
}

void SetAnswer(const HttpAnswer& answer, httplib::Response& response) {
  response.status = answer.status;
  for (const auto& [name, value] : answer.headers) response.set_header(name, value);
  if (!answer.body.empty()) response.set_content(answer.body, answer.content_type);
}

void HandleAll(httplib::Server& server, const httplib::Server::Handler& handler) {
  constexpr char kAny[] = ".*";
  server.Get(kAny, handler).Post(kAny, handler).Put(kAny, handler);
  server.Patch(kAny, handler).Delete(kAny, handler).Options(kAny, handler);
}

absl::StatusOr<int> BindLoopback(httplib::Server& server, int port) {
  constexpr char kHost[] = "127.0.0.1";
  constexpr int kBacklog = 4096;  // httplib's own is 5: a burst of connections would be dropped
  int listening = -1;
  // httplib's default is SO_REUSEPORT, with which a second simulator would share the port.
  server.set_socket_options([&listening](int socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    listening = socket;
  });
  server.set_tcp_nodelay(true);
  const int bound =
      port == 0 ? server.bind_to_any_port(kHost) : (server.bind_to_port(kHost, port) ? port : -1);
  if (bound <= 0) {
    return absl::UnavailableError(absl::StrCat(
        "port ", port, " of 127.0.0.1 cannot be had; choose another, or 0 for a free one"));
  }
  ::listen(listening, kBacklog);
  return bound;
}

}  // namespace billbroker::billsim
