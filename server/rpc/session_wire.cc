#include "server/rpc/session_wire.h"

#include <google/protobuf/io/coded_stream.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "vault/base/error.h"
#include "vault/base/secret_arena.h"

namespace billbroker {
namespace {

using google::protobuf::io::CodedOutputStream;

constexpr std::uint32_t kVarint = 0;
constexpr std::uint32_t kBytes = 2;

constexpr std::uint32_t TagOf(int field, std::uint32_t wire_type) {
  return (static_cast<std::uint32_t>(field) << 3) | wire_type;
}

// Sizer and Writer have the same functions: Sizer computes the length of a message, and Writer
// writes it. Both leave out fields with their default value, as protobuf does.
class Sizer final {
 public:
  void Number(int field, std::uint64_t value) {
    if (value == 0) return;
    size_ += CodedOutputStream::VarintSize32(TagOf(field, kVarint)) +
             CodedOutputStream::VarintSize64(value);
  }
  void Text(int field, absl::string_view text) {
    if (!text.empty()) Block(field, text.size());
  }
  // Adds a message of `size` bytes, which `write` writes.
  template <typename Write>
  void Message(int field, std::size_t size, const Write& /*write*/) {
    Block(field, size);
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  void Block(int field, std::size_t size) {
    size_ += CodedOutputStream::VarintSize32(TagOf(field, kBytes)) +
             CodedOutputStream::VarintSize64(size) + size;
  }

  std::size_t size_ = 0;
};

class Writer final {
 public:
  explicit Writer(std::uint8_t* at) : at_(at) {}

  void Number(int field, std::uint64_t value) {
    if (value == 0) return;
    at_ = CodedOutputStream::WriteVarint32ToArray(TagOf(field, kVarint), at_);
    at_ = CodedOutputStream::WriteVarint64ToArray(value, at_);
  }
  void Text(int field, absl::string_view text) {
    if (text.empty()) return;
    Head(field, text.size());
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  template <typename Write>
  void Message(int field, std::size_t size, const Write& write) {
    Head(field, size);
    write(*this);
  }

 private:
  void Head(int field, std::size_t size) {
    at_ = CodedOutputStream::WriteVarint32ToArray(TagOf(field, kBytes), at_);
    at_ = CodedOutputStream::WriteVarint64ToArray(size, at_);
  }

  std::uint8_t* at_;
};

template <typename Write>
std::size_t SizeOf(const Write& write) {
  Sizer sizer;
  write(sizer);
  return sizer.size();
}

template <typename Sink>
void WriteTime(int field, const SecondsAndNanos& time, Sink& sink) {
  using Fields = google::protobuf::Timestamp;  // google.protobuf.Duration has the same fields
  const auto write = [&time](auto& inner) {
    inner.Number(Fields::kSecondsFieldNumber, static_cast<std::uint64_t>(time.seconds));
    inner.Number(Fields::kNanosFieldNumber, static_cast<std::uint64_t>(time.nanos));
  };
  sink.Message(field, SizeOf(write), write);
}

// The parts of a response that are computed. The other fields come from the session unchanged.
struct Moments {
  SecondsAndNanos sign_in_time;
  SecondsAndNanos verified_time;
  SecondsAndNanos expire_time;
  SecondsAndNanos remaining;
};

template <typename Sink>
void WriteHeader(const HeaderView& header, Sink& sink) {
  const auto write = [&header](auto& inner) {
    inner.Text(v1::Header::kNameFieldNumber, header.name);
    inner.Text(v1::Header::kValueFieldNumber, header.value);
  };
  sink.Message(v1::Session::kHeadersFieldNumber, SizeOf(write), write);
}

template <typename Sink>
void WriteSession(const Session& session, const SessionSecrets& secrets, const Moments& moments,
                  Sink& sink) {
  using Fields = v1::Session;
  sink.Text(Fields::kSessionIdFieldNumber, session.keys.session_id->Reveal());
  if (secrets.dev_key) sink.Text(Fields::kDevKeyFieldNumber, session.keys.dev_key->Reveal());
  sink.Text(Fields::kDevKeyIdFieldNumber, session.dev_key_id);
  sink.Text(Fields::kOrganizationIdFieldNumber, session.organization_id);
  sink.Text(Fields::kCredentialFieldNumber, session.credential);
  sink.Text(Fields::kUserIdFieldNumber, session.user_id);
  sink.Text(Fields::kBaseUrlFieldNumber, session.base_url);
  sink.Number(Fields::kTrustedFieldNumber, session.trusted ? 1 : 0);
  sink.Number(Fields::kGenerationFieldNumber, session.generation);
  WriteTime(Fields::kSignInTimeFieldNumber, moments.sign_in_time, sink);
  WriteTime(Fields::kVerifyTimeFieldNumber, moments.verified_time, sink);
  WriteTime(Fields::kExpireTimeFieldNumber, moments.expire_time, sink);
  WriteTime(Fields::kRemainingFieldNumber, moments.remaining, sink);
  if (!secrets.headers) return;
  for (const HeaderView& header : HeadersOf(session)) WriteHeader(header, sink);
}

// `size` bytes that follow their own length, so that WipeAndFree() needs only their address.
struct Buffer {
  std::size_t size;
  std::uint8_t bytes[1];

  static Buffer* New(std::size_t size) {
    void* const memory = std::malloc(offsetof(Buffer, bytes) + size);
    if (memory == nullptr) throw std::bad_alloc();
    auto* const buffer = static_cast<Buffer*>(memory);
    buffer->size = size;
    return buffer;
  }
  static void WipeAndFree(void* memory) {
    auto* const buffer = static_cast<Buffer*>(memory);
    WipeBytes(buffer->bytes, buffer->size);
    std::free(buffer);
  }
};

}  // namespace

grpc::ByteBuffer EncodeGetSessionResponse(const Session& session, const SessionSecrets& secrets,
                                          absl::Duration since_boot) {
  const Moments moments = {PartsOf(session.sign_in_time), PartsOf(session.verified_time),
                           PartsOf(session.expire_time), RemainingOf(session, since_boot)};
  const auto write_session = [&](auto& sink) { WriteSession(session, secrets, moments, sink); };
  const std::size_t session_size = SizeOf(write_session);
  const auto write_response = [&](auto& sink) {
    sink.Message(v1::GetSessionResponse::kSessionFieldNumber, session_size, write_session);
  };
  Buffer* const buffer = Buffer::New(SizeOf(write_response));
  Writer writer(buffer->bytes);
  write_response(writer);
  const grpc::Slice slice(buffer->bytes, buffer->size, Buffer::WipeAndFree, buffer);
  return {&slice, 1};
}

absl::StatusOr<v1::GetSessionRequest> DecodeGetSessionRequest(const grpc::ByteBuffer& bytes) {
  grpc::Slice slice;
  const bool whole = bytes.TrySingleSlice(&slice).ok() || bytes.DumpToSingleSlice(&slice).ok();
  v1::GetSessionRequest request;
  if (!whole || !request.ParseFromArray(slice.begin(), static_cast<int>(slice.size()))) {
    return Malformed("request",
                     "is not a valid GetSessionRequest; send one that protobuf serialized");
  }
  return request;
}

}  // namespace billbroker
