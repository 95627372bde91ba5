// A call to BILL and BILL's answer, independent of sockets and of the HTTP version.
#pragma once

#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace billbroker::billsim {

struct HttpCall {
  std::string method;                          // upper case
  std::string path;                            // after the base path, such as "/v3/login"
  std::map<std::string, std::string> headers;  // names in lower case
  std::map<std::string, std::string> query;
  std::string body;

  // Returns the header called `name` (lower case); empty if it is absent.
  [[nodiscard]] std::string Header(absl::string_view name) const {
    const auto found = headers.find(std::string(name));
    return found == headers.end() ? std::string() : found->second;
  }
};

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";  // not sent if `body` is empty
  std::map<std::string, std::string> headers;     // besides Content-Type and Content-Length
};

// Returns whether an answer with `status` to a request with `method` may carry a body (RFC 9110).
inline bool MayHaveBody(absl::string_view method, int status) {
  return method != "HEAD" && status != 204 && status != 304;
}

}  // namespace billbroker::billsim
