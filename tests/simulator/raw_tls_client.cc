#include "tests/simulator/raw_tls_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace billbroker::billsim {
namespace {

absl::Status Failed(absl::string_view call) {
  return absl::UnavailableError(absl::StrCat(call, " failed or timed out"));
}

RawTlsClient::Answer ParseHead(absl::string_view head) {
  RawTlsClient::Answer answer;
  const std::vector<absl::string_view> lines = absl::StrSplit(head, "\r\n");
  const std::vector<absl::string_view> words = absl::StrSplit(lines[0], ' ');
  if (words.size() > 1) (void)absl::SimpleAtoi(words[1], &answer.status);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::pair<std::string, std::string> header =
        absl::StrSplit(lines[i], absl::MaxSplits(": ", 1));
    answer.headers[absl::AsciiStrToLower(header.first)] = header.second;
  }
  return answer;
}

}  // namespace

absl::StatusOr<RawTlsClient::Answer> RawTlsClient::Send(absl::string_view head,
                                                        absl::string_view body) {
  if (ssl_ == nullptr) {
    if (absl::Status status = Connect(); !status.ok()) return status;
  }
  if (absl::Status status = Write(head); !status.ok()) return status;
  if (absl::Status status = Write(body); !status.ok()) return status;
  absl::StatusOr<Answer> answer = ReadAnswer();
  if (!answer.ok() || answer->headers["connection"] == "close") Disconnect();
  return answer;
}

absl::Status RawTlsClient::Connect() {
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{20, 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return Failed("connect");
  }
  context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_load_verify_locations(context_.get(), ca_file_.c_str(), nullptr) != 1) {
    return Failed("SSL_CTX_load_verify_locations");
  }
  ssl_.reset(SSL_new(context_.get()));
  if (SSL_set_fd(ssl_.get(), socket_) != 1 || SSL_connect(ssl_.get()) != 1) {
    return Failed("SSL_connect");
  }
  return absl::OkStatus();
}

void RawTlsClient::Disconnect() {
  ssl_.reset();
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
}

absl::Status RawTlsClient::Write(absl::string_view bytes) {
  if (bytes.empty()) return absl::OkStatus();
  const int written = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  return written == static_cast<int>(bytes.size()) ? absl::OkStatus() : Failed("SSL_write");
}

absl::StatusOr<RawTlsClient::Answer> RawTlsClient::ReadAnswer() {
  const std::string end_of_head = "\r\n\r\n";
  std::string bytes;
  while (!absl::StrContains(bytes, end_of_head)) {
    if (absl::Status status = ReadMore(bytes); !status.ok()) return status;
  }
  const std::size_t end = bytes.find(end_of_head);
  Answer answer = ParseHead(absl::string_view(bytes).substr(0, end));
  answer.body = bytes.substr(end + end_of_head.size());
  std::size_t length = 0;
  if (!absl::SimpleAtoi(answer.headers["content-length"], &length)) {
    return absl::UnavailableError("the answer has no Content-Length");
  }
  while (answer.body.size() < length) {
    if (absl::Status status = ReadMore(answer.body); !status.ok()) return status;
  }
  return answer;
}

absl::Status RawTlsClient::ReadMore(std::string& into) {
  char buffer[4096];
  const int read = SSL_read(ssl_.get(), buffer, sizeof(buffer));
  if (read <= 0) return Failed("SSL_read");
  into.append(buffer, static_cast<std::size_t>(read));
  return absl::OkStatus();
}

}  // namespace billbroker::billsim
