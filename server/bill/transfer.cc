#include "server/bill/transfer.h"

#include <openssl/ssl.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/bill/curl_failure.h"

namespace billbroker {
namespace {

constexpr std::size_t kMaxHeaderBytes = 64 * 1024;

// Sets options and remembers whether libcurl accepted all of them.
class OptionSetter final {
 public:
  explicit OptionSetter(CURL* easy) : easy_(easy) {}

  template <typename Value>
  void Set(CURLoption option, Value value) {
    ok_ = curl_easy_setopt(easy_, option, value) == CURLE_OK && ok_;
  }
  void Set(CURLoption option, absl::Duration value) {
    Set(option, static_cast<long>(absl::ToInt64Milliseconds(value)));
  }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  CURL* easy_;
  bool ok_ = true;
};

// Lets OpenSSL free its record buffers as soon as they are empty: otherwise they keep the last
// answer, which may have a session id, while the connection is idle. Newer versions of libcurl do
// not set this.
CURLcode OnTlsContext(CURL* /*easy*/, void* context, void* /*data*/) {
  SSL_CTX_set_mode(static_cast<SSL_CTX*>(context), SSL_MODE_RELEASE_BUFFERS);
  return CURLE_OK;
}

void SetTrust(OptionSetter& to, const Environment& environment) {
  to.Set(CURLOPT_PROTOCOLS_STR, "https");
  to.Set(CURLOPT_REDIR_PROTOCOLS_STR, "https");
  to.Set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  to.Set(CURLOPT_FOLLOWLOCATION, 0L);  // sessionId and devKey would follow
  to.Set(CURLOPT_SSL_CTX_FUNCTION, &OnTlsContext);
  to.Set(CURLOPT_SSL_VERIFYPEER, 1L);
  to.Set(CURLOPT_SSL_VERIFYHOST, 2L);
  to.Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!environment.ca_file.empty()) to.Set(CURLOPT_CAINFO, environment.ca_file.c_str());
  // libcurl would trust the default folder in addition to the file. Without a folder it also caches
  // the parsed file instead of parsing it at each connection.
  const bool has_file =
      !environment.ca_file.empty() || curl_version_info(CURLVERSION_NOW)->cainfo != nullptr;
  if (has_file) to.Set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  // Both are set, because libcurl otherwise obeys https_proxy and no_proxy of the environment.
  to.Set(CURLOPT_PROXY, environment.proxy.c_str());
  to.Set(CURLOPT_NOPROXY, "");
}

void SetBounds(OptionSetter& to, const CurlOptions& options) {
  to.Set(CURLOPT_CONNECTTIMEOUT_MS, options.connect_timeout);
  to.Set(CURLOPT_TIMEOUT_MS, options.total_timeout);
  to.Set(CURLOPT_MAXLIFETIME_CONN,
         static_cast<long>(absl::ToInt64Seconds(options.connection_lifetime)));
  to.Set(CURLOPT_NOSIGNAL, 1L);
  // A slow name server must not block the thread, which all calls share.
  to.Set(CURLOPT_QUICK_EXIT, 1L);
  to.Set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  to.Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  to.Set(CURLOPT_USERAGENT, "billbroker/" BILLBROKER_VERSION);
}

// Returns the value of the header `name`; nullopt if `line` is another header.
absl::optional<absl::string_view> HeaderValue(absl::string_view line, absl::string_view name) {
  if (!absl::StartsWithIgnoreCase(line, name)) return absl::nullopt;
  line.remove_prefix(name.size());
  if (line.empty() || line.front() != ':') return absl::nullopt;
  return absl::StripAsciiWhitespace(line.substr(1));
}

}  // namespace

Transfer::Transfer(const Environment& environment, HttpRequest request, absl::Duration arrival,
                   Done done)
    : environment_(environment),
      request_(std::move(request)),
      arrival_(arrival),
      done_(std::move(done)),
      url_(absl::StrCat(environment.base_url, request_.path, request_.query)) {}

bool Transfer::Prepare(CURL* easy, const CurlOptions& options) {
  max_body_bytes_ = options.max_body_bytes;
  OptionSetter to(easy);
  SetTrust(to, environment_);
  SetBounds(to, options);
  to.Set(CURLOPT_URL, url_.c_str());
  to.Set(CURLOPT_PRIVATE, static_cast<void*>(this));
  to.Set(CURLOPT_PREREQFUNCTION, &Transfer::OnPreRequest);
  to.Set(CURLOPT_PREREQDATA, static_cast<void*>(this));
  to.Set(CURLOPT_WRITEFUNCTION, &Transfer::OnBody);
  to.Set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  to.Set(CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
  to.Set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  return to.ok() && SetRequest(easy);
}

bool Transfer::SetRequest(CURL* easy) {
  // libcurl reads this list in place; curl_slist_append() would copy it to the ordinary heap.
  header_list_.resize(request_.headers.size());
  for (std::size_t i = 0; i < header_list_.size(); ++i) {
    header_list_[i].data = const_cast<char*>(request_.headers[i].Reveal().data());
    header_list_[i].next = i + 1 < header_list_.size() ? &header_list_[i + 1] : nullptr;
  }
  OptionSetter to(easy);
  to.Set(CURLOPT_HTTPHEADER, header_list_.data());
  if (!request_.is_post) return to.ok();
  to.Set(CURLOPT_POST, 1L);
  to.Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
  // Not COPYPOSTFIELDS, so that the body stays in the locked slab.
  to.Set(CURLOPT_POSTFIELDS, request_.body.empty() ? "" : request_.body.Reveal().data());
  // A kept connection may have been closed by the server meanwhile. libcurl would notice after
  // writing the request, and OnPreRequest() would then fail the call although BILL is available. A
  // new connection costs one handshake, and POSTs are rare (one in about half an hour for each
  // session), so every POST pays for it.
  to.Set(CURLOPT_FRESH_CONNECT, 1L);
  return to.ok();
}

void Transfer::Finish(CURL* easy, CURLcode code, const CurlOptions& options) {
  if (code != CURLE_OK) {
    BillError error = DescribeFailure(easy, code, delivery_, environment_, options);
    if (too_long_) error.detail = "an answer that is longer than allowed";
    if (repeat_refused_) {
      error.detail = absl::StrCat("environment \"", environment_.name,
                                  "\" closed the stream without an answer; a POST is not repeated");
    }
    return done_(std::move(error));
  }
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  response_.body = std::move(body_).Build();
  done_(std::move(response_));
}

void Transfer::GiveUp(absl::string_view why) {
  BillError error;
  error.delivery = delivery_;
  error.detail = std::string(why);
  done_(std::move(error));
}

int Transfer::OnPreRequest(void* self, char*, char*, int, int) {
  Transfer& transfer = *static_cast<Transfer*>(self);
  if (transfer.request_.is_post && transfer.delivery_ == Delivery::kMaybeSent) {
    transfer.repeat_refused_ = true;
    return CURL_PREREQFUNC_ABORT;
  }
  transfer.delivery_ = Delivery::kMaybeSent;
  return CURL_PREREQFUNC_OK;
}

std::size_t Transfer::OnBody(char* bytes, std::size_t size, std::size_t count, void* self) {
  Transfer& transfer = *static_cast<Transfer*>(self);
  const std::size_t length = size * count;
  if (length > transfer.max_body_bytes_ - transfer.body_.size()) {
    transfer.too_long_ = true;
    return 0;  // fewer than `length`: libcurl ends the transfer
  }
  transfer.body_.Append({bytes, length});
  return length;
}

std::size_t Transfer::OnHeader(char* bytes, std::size_t size, std::size_t count, void* self) {
  Transfer& transfer = *static_cast<Transfer*>(self);
  const std::size_t length = size * count;
  transfer.header_bytes_ += length;
  if (transfer.header_bytes_ > kMaxHeaderBytes) {
    transfer.too_long_ = true;
    return 0;
  }
  const absl::string_view line(bytes, length);
  HttpResponse& response = transfer.response_;
  if (const auto type = HeaderValue(line, "Content-Type"))
    response.content_type = std::string(*type);
  if (const auto wait = HeaderValue(line, "Retry-After")) response.retry_after = std::string(*wait);
  if (const auto date = HeaderValue(line, "Date")) response.date = std::string(*date);
  return length;
}

}  // namespace billbroker
