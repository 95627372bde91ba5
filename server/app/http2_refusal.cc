#include "server/app/http2_refusal.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace billbroker {
namespace {

constexpr absl::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t kHeaderBytes = 9;
constexpr std::uint32_t kMostPayload = 16 << 10;  // the initial limit, which our settings keep
constexpr std::uint32_t kPingBytes = 8;

enum FrameType : std::uint8_t {
  kHeaders = 1,
  kRstStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kContinuation = 9,
};
constexpr std::uint8_t kAck = 1;
constexpr std::uint8_t kEndStream = 1;
constexpr std::uint8_t kEndHeaders = 4;

std::string BigEndian(std::uint32_t number, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(number >> (8 * i)));
  return text;
}

std::uint32_t Number(absl::string_view big_endian) {
  std::uint32_t number = 0;
  for (const char byte : big_endian) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

std::string Frame(FrameType type, std::uint8_t flags, std::uint32_t stream,
                  absl::string_view payload) {
  return absl::StrCat(BigEndian(static_cast<std::uint32_t>(payload.size()), 3),
                      std::string(1, static_cast<char>(type)),
                      std::string(1, static_cast<char>(flags)), BigEndian(stream, 4), payload);
}

// Encodes a text without Huffman's code (RFC 7541, 5.2).
std::string HpackString(absl::string_view text) {
  constexpr std::size_t kPrefix = 127;
  std::string out;
  std::size_t rest = text.size();
  out.push_back(static_cast<char>(std::min(rest, kPrefix)));
  if (rest >= kPrefix) {
    for (rest -= kPrefix; rest >= 128; rest /= 128) {
      out.push_back(static_cast<char>(rest % 128 + 128));
    }
    out.push_back(static_cast<char>(rest));
  }
  return absl::StrCat(out, text);
}

// Encodes a field that no table holds or keeps (RFC 7541, 6.2.2).
std::string HpackField(absl::string_view name, absl::string_view value) {
  return absl::StrCat(std::string(1, '\0'), HpackString(name), HpackString(value));
}

// Encodes a gRPC message: printable ASCII but '%' stands for itself.
std::string PercentEncoded(absl::string_view text) {
  std::string out;
  for (const char each : text) {
    if (absl::ascii_isprint(static_cast<unsigned char>(each)) && each != '%') {
      out.push_back(each);
    } else {
      absl::StrAppendFormat(&out, "%%%02X", static_cast<unsigned char>(each));
    }
  }
  return out;
}

// Returns the fields of a response without a message, which is all in its trailers.
std::string FieldsOf(const grpc::Status& status) {
  std::string details = absl::Base64Escape(status.error_details());
  while (absl::EndsWith(details, "=")) details.pop_back();
  // A table size of 0, in case the client's settings lowered it; then :status 200.
  constexpr absl::string_view kBegin = "\x20\x88";
  return absl::StrCat(
      kBegin, HpackField("content-type", "application/grpc"),
      HpackField("grpc-status", absl::StrCat(static_cast<int>(status.error_code()))),
      HpackField("grpc-message", PercentEncoded(status.error_message())),
      HpackField("grpc-status-details-bin", details));
}

}  // namespace

Http2Refusal::Http2Refusal(const grpc::Status& status) : fields_(FieldsOf(status)) {}

std::uint32_t Http2Refusal::length() const {
  return Number(absl::string_view(header_).substr(0, 3));
}

std::uint32_t Http2Refusal::stream() const {
  return Number(absl::string_view(header_).substr(5)) & 0x7fff'ffffU;
}

std::string Http2Refusal::Read(absl::string_view bytes) {
  std::string out;
  while (!bytes.empty() && !ended_) {
    const std::size_t before = bytes.size();
    if (preface_read_ < kPreface.size()) {
      ReadPreface(bytes, out);
    } else if (header_.size() < kHeaderBytes) {
      ReadHeader(bytes, out);
    } else {
      ReadPayload(bytes, out);
    }
    read_ += before - bytes.size();
    if (read_ > kMostBytes) ended_ = true;
  }
  return out;
}

void Http2Refusal::ReadPreface(absl::string_view& bytes, std::string& out) {
  const absl::string_view expected = kPreface.substr(preface_read_);
  const std::size_t count = std::min(expected.size(), bytes.size());
  if (bytes.substr(0, count) != expected.substr(0, count)) {
    ended_ = true;
    return;
  }
  bytes.remove_prefix(count);
  preface_read_ += count;
  if (preface_read_ == kPreface.size()) absl::StrAppend(&out, Frame(kSettings, 0, 0, ""));
}

void Http2Refusal::ReadHeader(absl::string_view& bytes, std::string& out) {
  const std::size_t count = std::min(kHeaderBytes - header_.size(), bytes.size());
  absl::StrAppend(&header_, bytes.substr(0, count));
  bytes.remove_prefix(count);
  if (header_.size() < kHeaderBytes) return;
  payload_left_ = length();
  const bool is_wrong =
      payload_left_ > kMostPayload ||
      (type() == kHeaders && (stream() % 2 == 0 || open_headers_ != 0)) ||
      (type() == kContinuation && (open_headers_ == 0 || stream() != open_headers_));
  if (is_wrong) {
    ended_ = true;
  } else if (payload_left_ == 0) {
    EndFrame(out);
  }
}

void Http2Refusal::ReadPayload(absl::string_view& bytes, std::string& out) {
  const std::size_t count = std::min<std::size_t>(payload_left_, bytes.size());
  if (type() == kPing && length() == kPingBytes) absl::StrAppend(&ping_, bytes.substr(0, count));
  bytes.remove_prefix(count);
  payload_left_ -= static_cast<std::uint32_t>(count);
  if (payload_left_ == 0) EndFrame(out);
}

void Http2Refusal::EndFrame(std::string& out) {
  const bool is_ack = (flags() & kAck) != 0;
  if (type() == kSettings && !is_ack) absl::StrAppend(&out, Frame(kSettings, kAck, 0, ""));
  if (type() == kPing && !is_ack && ping_.size() == kPingBytes) {
    absl::StrAppend(&out, Frame(kPing, kAck, 0, ping_));
  }
  if (type() == kHeaders || type() == kContinuation) {
    open_headers_ = stream();
    if ((flags() & kEndHeaders) != 0) {
      const std::string no_error = BigEndian(0, 4);
      // RST_STREAM, because the client need not send its message. GOAWAY has the number of the last
      // call that is answered: the client may send others again, on another connection.
      absl::StrAppend(&out, Frame(kHeaders, kEndStream | kEndHeaders, stream(), fields_),
                      Frame(kRstStream, 0, stream(), no_error),
                      Frame(kGoAway, 0, 0, absl::StrCat(BigEndian(stream(), 4), no_error)));
      ended_ = true;
    }
  }
  ping_.clear();
  header_.clear();
}

}  // namespace billbroker
