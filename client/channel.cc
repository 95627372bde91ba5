#include "client/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/support/channel_arguments.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace billbroker {
namespace {

// sockaddr_un holds 108 bytes, the last of them zero.
constexpr std::size_t kMaxSocketPathBytes = 107;

bool HasTls(const TlsClientOptions& tls) {
  return !tls.ca_file.empty() || !tls.certificate_file.empty() || !tls.key_file.empty();
}

absl::Status CheckSocket(const ClientOptions& options) {
  absl::string_view path = options.address;
  if (!absl::ConsumePrefix(&path, "unix:") || !absl::StartsWith(path, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("address \"", options.address,
                     "\" is not unix: and an absolute path; use unix:/PATH, or HOST:PORT with the "
                     "files for mutual TLS"));
  }
  if (path.size() > kMaxSocketPathBytes) {
    return absl::InvalidArgumentError(absl::StrCat("socket path ", path, " is longer than ",
                                                   kMaxSocketPathBytes,
                                                   " bytes; use a shorter folder"));
  }
  return absl::OkStatus();
}

bool IsHostAndPort(absl::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == 0 || colon == absl::string_view::npos) return false;
  int port = 0;
  return address.find('/') == absl::string_view::npos &&
         absl::SimpleAtoi(address.substr(colon + 1), &port) && port >= 1 && port <= 65535;
}

// Checks the file, because gRPC aborts if it is empty or not a regular file.
absl::Status CheckFile(absl::string_view what, const std::string& file) {
  if (file.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("tls.", what, " is missing; over TCP the broker takes mutual TLS only"));
  }
  struct stat found = {};
  if (::access(file.c_str(), R_OK) != 0 || ::stat(file.c_str(), &found) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("tls.", what, " ", file, " cannot be read: ", std::strerror(errno)));
  }
  if (!S_ISREG(found.st_mode) || found.st_size == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("tls.", what, " ", file, " is ",
                     S_ISREG(found.st_mode) ? "empty" : "not a regular file", "; name a PEM file"));
  }
  return absl::OkStatus();
}

absl::Status CheckTls(const ClientOptions& options) {
  if (absl::StartsWith(options.address, "unix:")) {
    return absl::InvalidArgumentError(
        "a Unix socket takes no certificates; leave tls out, or use HOST:PORT");
  }
  if (!IsHostAndPort(options.address)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "address \"", options.address, "\" is not HOST:PORT, with a port of 1 to 65535"));
  }
  for (const auto& [what, file] : {std::pair("ca_file", &options.tls.ca_file),
                                   std::pair("certificate_file", &options.tls.certificate_file),
                                   std::pair("key_file", &options.tls.key_file)}) {
    if (absl::Status good = CheckFile(what, *file); !good.ok()) return good;
  }
  return absl::OkStatus();
}

absl::Status Validate(const ClientOptions& options) {
  if (options.call_timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("call_timeout is not positive; give it some seconds");
  }
  return HasTls(options.tls) ? CheckTls(options) : CheckSocket(options);
}

std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const TlsClientOptions& tls) {
  // On a Unix socket the kernel identifies the caller, and there is no network to encrypt for.
  if (!HasTls(tls)) return grpc::InsecureChannelCredentials();
  constexpr unsigned int kLookEverySeconds = 1;
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          tls.key_file, tls.certificate_file, tls.ca_file, kLookEverySeconds));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const ClientOptions& options) {
  if (absl::Status valid = Validate(options); !valid.ok()) return valid;
  grpc::ChannelArguments arguments;
  // gRPC's own limit is two minutes: a client would not notice for a long time that the broker is
  // back.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // The proxy variables of the process are intended for the web.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(options.address, CredentialsOf(options.tls), arguments);
}

}  // namespace billbroker
