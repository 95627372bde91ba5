#include "tests/simulator/httplib_calls.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace billbroker::billsim {
namespace {

enum class Framing { kNoBody, kBody, kInvalid };

// Returns how the length of the request's body is given (RFC 9112, section 6.3). httplib itself
// waits for the bytes of "Content-Length: -1", and reads any Transfer-Encoding but "chunked" until
// the connection ends.
Framing FramingOf(const httplib::Request& request) {
  const std::size_t lengths = request.get_header_value_count("Content-Length");
  const std::size_t encodings = request.get_header_value_count("Transfer-Encoding");
  if (lengths + encodings == 0) return Framing::kNoBody;
  if (lengths + encodings > 1) return Framing::kInvalid;
  if (encodings == 1) {
    const std::string encoding = request.get_header_value("Transfer-Encoding");
    return absl::EqualsIgnoreCase(encoding, "chunked") ? Framing::kBody : Framing::kInvalid;
  }
  const std::string length = request.get_header_value("Content-Length");
  std::int64_t bytes = 0;
  const bool is_digits =
      !length.empty() && std::all_of(length.begin(), length.end(), absl::ascii_isdigit);
  return is_digits && absl::SimpleAtoi(length, &bytes) ? Framing::kBody : Framing::kInvalid;
}

void RefuseFraming(httplib::Response& response) {
  response.status = 400;
  response.set_header("Connection", "close");
}

}  // namespace

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

void SetHead(const HttpAnswer& answer, httplib::Response& response) {
  response.status = answer.status;
  for (const auto& [name, value] : answer.headers) response.set_header(name, value);
}

void SetAnswer(const HttpAnswer& answer, httplib::Response& response) {
  SetHead(answer, response);
  if (answer.body.empty() || !MayHaveBody("", answer.status)) return;
  // httplib compresses a body that set_content() gave it if the client accepts that.
  response.set_content_provider(
      answer.body.size(), answer.content_type,
      [body = answer.body](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
        return sink.write(&body[offset], length);
      });
}

void HandleAll(httplib::Server& server, const httplib::Server::Handler& handler) {
  constexpr char kAny[] = ".*";
  // httplib reads the body of a POST without Content-Length until the connection ends, so such a
  // request must not reach its routing. curl -X POST and Postman sign out with one.
  server.set_pre_routing_handler(
      [handler](const httplib::Request& request, httplib::Response& response) {
        const Framing framing = FramingOf(request);
        if (framing == Framing::kBody) return httplib::Server::HandlerResponse::Unhandled;
        framing == Framing::kNoBody ? handler(request, response) : RefuseFraming(response);
        return httplib::Server::HandlerResponse::Handled;
      });
  server.Get(kAny, handler).Post(kAny, handler).Put(kAny, handler);
  server.Patch(kAny, handler).Delete(kAny, handler).Options(kAny, handler);
}

absl::StatusOr<int> BindLoopback(httplib::Server& server, int port) {
  constexpr char kHost[] = "127.0.0.1";
  constexpr int kListenBacklog =
      4096;  // httplib's own is 5: a burst of connections would be dropped
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
        "port ", port, " of 127.0.0.1 is not available; choose another, or 0 for a free one"));
  }
  ::listen(listening, kListenBacklog);
  return bound;
}

absl::Status AwaitRunning(const httplib::Server& server) {
  constexpr absl::Duration kLimit = absl::Seconds(10);
  const absl::Time end = absl::Now() + kLimit;
  while (!server.is_running()) {
    if (absl::Now() > end) return absl::UnavailableError("the server does not accept connections");
    absl::SleepFor(absl::Milliseconds(1));
  }
  return absl::OkStatus();
}

}  // namespace billbroker::billsim
