// Converts between httplib's requests and responses and our calls and answers.
#pragma once

#include <httplib.h>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tests/simulator/http.h"

namespace billbroker::billsim {

// Returns the call of a request. `path` is the request's path without its prefix.
[[nodiscard]] HttpCall CallOf(const httplib::Request& request, absl::string_view path);

// Sets the status and the headers of `answer`, but not its body and its content type.
void SetHead(const HttpAnswer& answer, httplib::Response& response);

// Sets all of `answer`. An answer without a body has no content type. A body is never compressed,
// and is not sent with a status that excludes one.
void SetAnswer(const HttpAnswer& answer, httplib::Response& response);

// Sends every request of every method and path to `handler`. A request with neither Content-Length
// nor Transfer-Encoding has no body, also if it is a POST. A request whose body has no valid length
// is answered 400 at once, without its body being read, and the connection is to be closed.
void HandleAll(httplib::Server& server, const httplib::Server::Handler& handler);

// Binds `server` to 127.0.0.1 at `port`, or at a free port if it is 0, and returns the port.
[[nodiscard]] absl::StatusOr<int> BindLoopback(httplib::Server& server, int port);

// Blocks until `server` accepts connections; stop() has no effect before. Errors: kUnavailable if
// it does not within ten seconds.
[[nodiscard]] absl::Status AwaitRunning(const httplib::Server& server);

}  // namespace billbroker::billsim
