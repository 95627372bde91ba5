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
  std::string date;
  SecretString body;  // of a sign-in: contains the sessionId
};

using HttpResult = BillResult<HttpResponse>;

// Not thread-safe. Must not move while libcurl works on it: the handle points to the request in the
// locked slab, because libcurl would otherwise copy it to the ordinary heap.
class Transfer final {
 public:
  using Done = absl::AnyInvocable<void(HttpResult)>;

  // `environment` is borrowed. `arrival`: when the call was made, on Clock::SinceBoot().
  Transfer(const Environment& environment, HttpRequest request, absl::Duration arrival, Done done);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // Sets every option of `easy`, which is new or reset. Returns false if libcurl rejects an option.
  [[nodiscard]] bool Prepare(CURL* easy, const CurlOptions& options);

  // Answers with the response that `easy` received, or with the failure that `code` describes.
  void Finish(CURL* easy, CURLcode code, const CurlOptions& options);

  // Answers that the call was abandoned because of `why`.
  void GiveUp(absl::string_view why);

  [[nodiscard]] const Environment& environment() const { return environment_; }
  [[nodiscard]] absl::Duration arrival() const { return arrival_; }

 private:
  // libcurl calls this after connect and TLS, immediately before it writes the request. So the
  // request was certainly not sent if this was never called.
  //
  // A second call for one transfer means that libcurl repeats the request by itself: a server
  // refused the HTTP/2 stream, or closed a kept connection (libcurl repeats up to five times, a
  // POST too). BILL may have processed the first request, and the ledger of sign-ins has one line
  // for it, so a POST is aborted here and ends as kMaybeSent. A GET changes nothing at BILL and may
  // be repeated.
  static int OnPreRequest(void* self, char* remote_ip, char* local_ip, int remote_port,
                          int local_port);
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
  bool repeat_refused_ = false;
  Delivery delivery_ = Delivery::kNotSent;
  HttpResponse response_;
  SecretBuilder body_;
};

}  // namespace billbroker
