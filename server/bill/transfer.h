// Transfer: one HTTP call over libcurl, from its request to its one answer.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/bill/bill_error.h"
#include "server/bill/curl_options.h"
#include "server/bill/environment.h"
#include "server/bill/http_request.h"
#include "vault/base/secret_string.h"

namespace billbroker {

struct CurlEasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using CurlEasy = std::unique_ptr<CURL, CurlEasyDeleter>;

struct HttpResponse {
  int status = 0;
  std::string content_type;
  std::string retry_after;
  SecretString body;  // a sign-in's holds the sessionId
};

using HttpResult = BillResult<HttpResponse>;

// Not thread-safe. Stays where it is while libcurl works on it: the handle points into it, at the
// request in the locked slab, of which libcurl would otherwise keep copies of its own.
class Transfer final {
 public:
  using Done = absl::AnyInvocable<void(HttpResult)>;

  // `environment` is borrowed. `arrival`: when the call was made, on Clock::SinceBoot().
  Transfer(const Environment& environment, HttpRequest request, absl::Duration arrival, Done done);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // Sets every option of `easy`, which is fresh or reset; false where libcurl refuses one.
  [[nodiscard]] bool Prepare(CURL* easy, const CurlOptions& options);

  // Answers with what `easy` brought, `code` being libcurl's word on it.
  void Finish(CURL* easy, CURLcode code, const CurlOptions& options);

  // Answers that the call was given up, for `why`. `easy` is null where it was never started.
  void GiveUp(CURL* easy, absl::string_view why);

  [[nodiscard]] const Environment& environment() const { return environment_; }
  [[nodiscard]] absl::Duration arrival() const { return arrival_; }

 private:
  static std::size_t OnBody(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t OnHeader(char* bytes, std::size_t size, std::size_t count, void* self);
  bool SetRequest(CURL* easy);

  const Environment& environment_;
  HttpRequest request_;
  absl::Duration arrival_;
  Done done_;
  std::string url_;
  std::vector<curl_slist> header_list_;  // nodes over request_.headers
  std::size_t max_body_bytes_ = 0;
  std::size_t header_bytes_ = 0;
  bool too_long_ = false;
  HttpResponse response_;
  SecretBuilder body_;
};

}  // namespace billbroker
