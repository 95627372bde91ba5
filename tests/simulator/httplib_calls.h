// Between httplib's requests and responses and our calls and answers.
#pragma once

#include <httplib.h>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tests/simulator/http.h"

namespace billbroker::billsim {

// `path` is the request's, without what stands before it.
[[nodiscard]] HttpCall CallOf(const httplib::Request& request, absl::string_view path);

void SetAnswer(const HttpAnswer& answer, httplib::Response& response);

// Sends every request of every method and path to `handler`.
void HandleAll(httplib::Server& server, const httplib::Server::Handler& handler);

// Binds `server` to 127.0.0.1 at `port`, or at a free one where it is 0, and returns the port.
[[nodiscard]] absl::StatusOr<int> BindLoopback(httplib::Server& server, int port);

}  // namespace billbroker::billsim
