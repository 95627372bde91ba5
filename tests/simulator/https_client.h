// HttpsClient: a BILL client over libcurl, for tests and benches over sockets.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>
#include <vector>

namespace billbroker::billsim {

// Keeps one connection alive from call to call. Not thread-safe.
class HttpsClient final {
 public:
  struct Result {
    CURLcode code = CURLE_OK;  // CURLE_OK if an answer came
    long status = 0;
    std::string body;
    std::string headers;  // as received
  };

  explicit HttpsClient(std::string ca_file) : ca_file_(std::move(ca_file)) {}

  // Makes a POST, or a GET if `body` is null.
  Result Call(const std::string& url, const std::string* body = nullptr,
              const std::vector<std::string>& headers = {}) {
    return Perform(url, body, headers, false);
  }
  Result Get(const std::string& url, const std::vector<std::string>& headers = {}) {
    return Call(url, nullptr, headers);
  }
  Result Post(const std::string& url, const std::string& body,
              const std::vector<std::string>& headers = {}) {
    return Call(url, &body, headers);
  }

  // Makes a HEAD. Over HTTP/2 it fails if the server sends a body.
  Result Head(const std::string& url) { return Perform(url, nullptr, {}, true); }

  void set_timeout_milliseconds(long timeout) { timeout_milliseconds_ = timeout; }
  // One of CURL_HTTP_VERSION_*; by default HTTP/2 if the server accepts it.
  void set_http_version(long version) { http_version_ = version; }

 private:
  struct Cleanup {
    void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  };

  Result Perform(const std::string& url, const std::string* body,
                 const std::vector<std::string>& headers, bool is_head);

  std::string ca_file_;
  long timeout_milliseconds_ = 30'000;
  long http_version_ = CURL_HTTP_VERSION_2TLS;
  std::unique_ptr<CURL, Cleanup> curl_{curl_easy_init()};
};

}  // namespace billbroker::billsim
