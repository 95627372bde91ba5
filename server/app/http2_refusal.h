// Http2Refusal: the answer of a gRPC server that refuses a caller, without gRPC and without HPACK.
#pragma once

#include <grpcpp/support/status.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace billbroker {

// One HTTP/2 connection (RFC 9113) whose first call gets a status, and which ends after it. It
// reads the preface and the frames' headers, skips their contents, and acknowledges settings and
// pings. gRPC 1.51 would decode and keep every header that a client sends, before any check of the
// caller. Pure: no sockets, no clock.
class Http2Refusal final {
 public:
  // The bytes that a client may send before it is answered.
  static constexpr std::size_t kMostBytes = 64 << 10;

  // `status` is not OK.
  explicit Http2Refusal(const grpc::Status& status);

  // Reads the next bytes of the client. Returns the bytes to send to it.
  [[nodiscard]] std::string Read(absl::string_view bytes);

  // Returns true once the call was answered, or the client breaks the protocol or sends too much:
  // Read() returns nothing from now on.
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  // Reads as many bytes as belong together, and removes them from `bytes`.
  void ReadPreface(absl::string_view& bytes, std::string& out);
  void ReadHeader(absl::string_view& bytes, std::string& out);
  void ReadPayload(absl::string_view& bytes, std::string& out);
  void EndFrame(std::string& out);

  [[nodiscard]] std::uint32_t length() const;
  [[nodiscard]] std::uint8_t type() const { return static_cast<std::uint8_t>(header_[3]); }
  [[nodiscard]] std::uint8_t flags() const { return static_cast<std::uint8_t>(header_[4]); }
  [[nodiscard]] std::uint32_t stream() const;

  std::string fields_;  // of the answer, encoded
  std::size_t read_ = 0;
  std::size_t preface_read_ = 0;
  std::string header_;  // of the frame, as far as it was read
  std::uint32_t payload_left_ = 0;
  std::string ping_;                // the contents of a ping, as far as they were read
  std::uint32_t open_headers_ = 0;  // the stream whose HEADERS go on in CONTINUATIONs; 0: none
  bool ended_ = false;
};

}  // namespace billbroker
