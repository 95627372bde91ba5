#include "server/bill/curl_failure.h"

#include <openssl/x509_vfy.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

long InfoOf(CURL* easy, CURLINFO info) {
  long value = 0;
  curl_easy_getinfo(easy, info, &value);
  return value;
}

std::string SystemError(CURL* easy) {
  const int error = static_cast<int>(InfoOf(easy, CURLINFO_OS_ERRNO));
  if (error == 0) return "no route or no listener";
  return absl::AsciiStrToLower(std::generic_category().message(error));
}

std::string DescribeCertificate(CURL* easy, const std::string& bill) {
  switch (InfoOf(easy, CURLINFO_SSL_VERIFYRESULT)) {
    case X509_V_ERR_UNSPECIFIED:  // libcurl keeps this value if the chain is valid
    case X509_V_OK:
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return absl::StrCat("the certificate of ", bill, " is for another host; check base_url");
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return absl::StrCat("the certificate of ", bill,
                          " has expired; check the clock and base_url");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return absl::StrCat("the certificate of ", bill, " is not valid yet; check the clock");
    default:
      return absl::StrCat("the certificate of ", bill, " is not trusted; set its ca_file");
  }
}

std::string DescribeTimeout(Delivery delivery, const std::string& bill,
                            const CurlOptions& options) {
  if (delivery == Delivery::kNotSent) {
    return absl::StrCat("no connection to ", bill, " within ",
                        absl::FormatDuration(options.connect_timeout));
  }
  return absl::StrCat("no answer of ", bill, " within ",
                      absl::FormatDuration(options.total_timeout));
}

std::string Describe(CURL* easy, CURLcode code, Delivery delivery, const std::string& bill,
                     const CurlOptions& options) {
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_LOGIN_DENIED:
      return absl::StrCat("the base_url of ", bill,
                          " is not usable; it must be https:// and a host, without a user name");
    case CURLE_COULDNT_RESOLVE_HOST:
      return absl::StrCat("cannot resolve the host of ", bill, "; check base_url and DNS");
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
      return absl::StrCat("cannot go through the proxy of ", bill, "; check proxy");
    case CURLE_COULDNT_CONNECT:
      return absl::StrCat("cannot connect to ", bill, ": ", SystemError(easy));
    case CURLE_OPERATION_TIMEDOUT:
      return DescribeTimeout(delivery, bill, options);
    case CURLE_PEER_FAILED_VERIFICATION:
      return DescribeCertificate(easy, bill);
    case CURLE_SSL_CACERT_BADFILE:
      return absl::StrCat("cannot read the ca_file of ", bill, "; it must be a PEM file");
    case CURLE_SSL_CONNECT_ERROR:
      return absl::StrCat("the TLS handshake with ", bill, " failed; TLS 1.2 or newer is needed");
    case CURLE_GOT_NOTHING:
      return absl::StrCat(bill, " closed the connection without an answer");
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      return absl::StrCat("the connection to ", bill, " broke");
    case CURLE_PARTIAL_FILE:
      return absl::StrCat("the answer of ", bill, " was cut short");
    default:
      return absl::StrCat("the call to ", bill, " failed: ", curl_easy_strerror(code));
  }
}

}  // namespace

BillError DescribeFailure(CURL* easy, CURLcode code, Delivery delivery,
                          const Environment& environment, const CurlOptions& options) {
  BillError error;
  error.verdict = Verdict::kUnavailable;
  error.delivery = delivery;
  error.detail = Describe(easy, code, delivery,
                          absl::StrCat("environment \"", environment.name, "\""), options);
  return error;
}

}  // namespace billbroker
