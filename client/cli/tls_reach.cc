#include "client/cli/tls_reach.h"

#include <curl/curl.h>

#include <memory>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

constexpr long kConnectTimeoutMs = 10'000;

struct CurlCleanup {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};

}  // namespace

absl::Status ShakeHands(const BillEndpoint& endpoint) {
  const std::unique_ptr<CURL, CurlCleanup> curl(curl_easy_init());
  if (curl == nullptr) return absl::InternalError("libcurl cannot start");
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl.get(), CURLOPT_URL, endpoint.base_url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "https");
  curl_easy_setopt(curl.get(), CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(curl.get(), CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, endpoint.proxy.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason);
  if (!endpoint.ca_file.empty()) {
    curl_easy_setopt(curl.get(), CURLOPT_CAINFO, endpoint.ca_file.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_CAPATH, nullptr);
  }
  const CURLcode code = curl_easy_perform(curl.get());
  if (code == CURLE_OK) return absl::OkStatus();
  return absl::UnavailableError(reason[0] != '\0' ? std::string(reason)
                                                  : std::string(curl_easy_strerror(code)));
}

}  // namespace billbroker
