#include "tests/simulator/http2_session.h"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace billbroker::billsim {
namespace {

constexpr std::size_t kMaxHeaderBytes = 64 * 1024;
constexpr std::size_t kMaxBodyBytes = 1 << 20;
constexpr int kMaxConcurrentStreams = 100;

// Decodes percent-encoded text, and "+" as a space if `plus_is_space`.
std::string Decode(absl::string_view text, bool plus_is_space) {
  const auto digit = [](char c) {
    return c <= '9' ? c - '0' : absl::ascii_tolower(static_cast<unsigned char>(c)) - 'a' + 10;
  };
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_escape = text[i] == '%' && i + 2 < text.size() &&
                           absl::ascii_isxdigit(text[i + 1]) && absl::ascii_isxdigit(text[i + 2]);
    if (is_escape) {
      decoded += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

void SetTarget(absl::string_view target, HttpCall& call) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(target, absl::MaxSplits('?', 1));
  call.path = Decode(parts.first, false);
  for (const absl::string_view pair : absl::StrSplit(parts.second, '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(pair, absl::MaxSplits('=', 1));
    call.query[Decode(field.first, true)] = Decode(field.second, true);
  }
}

void SetHeader(absl::string_view name, absl::string_view value, HttpCall& call) {
  if (name == ":method") {
    call.method = std::string(value);
  } else if (name == ":path") {
    SetTarget(value, call);
  } else if (name == ":authority") {
    call.headers["host"] = std::string(value);
  } else if (name[0] != ':') {
    call.headers[std::string(name)] = std::string(value);
  }
}

absl::string_view View(const std::uint8_t* bytes, std::size_t length) {
  return {reinterpret_cast<const char*>(bytes), length};
}

// nghttp2 copies both texts. Its structure is not const-correct.
nghttp2_nv Field(const std::string& name, const std::string& value) {
  const auto bytes = [](const std::string& text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

struct Http2Session::Callbacks {
  static Http2Session& Of(void* self) { return *static_cast<Http2Session*>(self); }

  static int OnBeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type == NGHTTP2_HEADERS) Of(self).streams_[frame->hd.stream_id];
    return 0;
  }

  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_length, const std::uint8_t* value, std::size_t value_length,
                      std::uint8_t, void* self) {
    Stream* stream = Of(self).Find(frame->hd.stream_id);
    if (stream == nullptr) return 0;
    stream->header_bytes += name_length + value_length;
    if (stream->header_bytes > kMaxHeaderBytes) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    SetHeader(View(name, name_length), View(value, value_length), stream->call);
    return 0;
  }

  static int OnData(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                    std::size_t length, void* self) {
    Stream* stream = Of(self).Find(id);
    if (stream == nullptr) return 0;
    if (length > kMaxBodyBytes - stream->call.body.size()) {
      Of(self).ResetStream(id, NGHTTP2_ENHANCE_YOUR_CALM);
      Of(self).streams_.erase(id);
      return 0;
    }
    absl::StrAppend(&stream->call.body, View(data, length));
    return 0;
  }

  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    const bool is_headers = frame->hd.type == NGHTTP2_HEADERS;
    Stream* stream = Of(self).Find(frame->hd.stream_id);
    if ((!is_headers && frame->hd.type != NGHTTP2_DATA) || stream == nullptr) return 0;
    if (is_headers && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      stream->method = stream->call.method;
      Of(self).events_.on_headers(frame->hd.stream_id, stream->call);
    }
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    Of(self).events_.on_call(frame->hd.stream_id, std::move(stream->call));
    return 0;
  }

  static int OnClose(nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
    Of(self).streams_.erase(id);
    Of(self).events_.on_closed(id);
    return 0;
  }

  static ssize_t ReadBody(nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t room,
                          std::uint32_t* flags, nghttp2_data_source*, void* self) {
    Stream* stream = Of(self).Find(id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::size_t length = std::min(room, stream->released - stream->sent);
    if (length == 0) return NGHTTP2_ERR_DEFERRED;
    std::copy_n(stream->body.begin() + static_cast<std::ptrdiff_t>(stream->sent), length, to);
    stream->sent += length;
    if (stream->sent == stream->body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(length);
  }
};

Http2Session::Http2Session(Events events)
    : events_(std::move(events)), session_(nullptr, &nghttp2_session_del) {
  nghttp2_session_callbacks* made = nullptr;
  Require(nghttp2_session_callbacks_new(&made) == 0);
  const std::unique_ptr<nghttp2_session_callbacks, decltype(&nghttp2_session_callbacks_del)>
      callbacks(made, &nghttp2_session_callbacks_del);
  nghttp2_session_callbacks_set_on_begin_headers_callback(made, &Callbacks::OnBeginHeaders);
  nghttp2_session_callbacks_set_on_header_callback(made, &Callbacks::OnHeader);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, &Callbacks::OnData);
  nghttp2_session_callbacks_set_on_frame_recv_callback(made, &Callbacks::OnFrame);
  nghttp2_session_callbacks_set_on_stream_close_callback(made, &Callbacks::OnClose);
  nghttp2_session* session = nullptr;
  Require(nghttp2_session_server_new(&session, made, this) == 0);
  session_.reset(session);
  const std::vector<nghttp2_settings_entry> settings = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxConcurrentStreams},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeaderBytes}};
  Require(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) ==
          0);
}

Http2Session::~Http2Session() = default;

bool Http2Session::Receive(absl::string_view bytes) {
  return nghttp2_session_mem_recv(session_.get(),
                                  reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                  bytes.size()) == static_cast<ssize_t>(bytes.size());
}

std::string Http2Session::TakeOutput() {
  std::string output;
  const std::uint8_t* bytes = nullptr;
  while (true) {
    const ssize_t length = nghttp2_session_mem_send(session_.get(), &bytes);
    if (length <= 0) return output;
    absl::StrAppend(&output, View(bytes, static_cast<std::size_t>(length)));
  }
}

bool Http2Session::IsOver() const {
  return nghttp2_session_want_read(session_.get()) == 0 &&
         nghttp2_session_want_write(session_.get()) == 0;
}

void Http2Session::Answer(int stream, const HttpAnswer& answer) {
  Submit(stream, answer, answer.body.size());
}

void Http2Session::BeginAnswer(int stream, const HttpAnswer& answer) { Submit(stream, answer, 0); }

void Http2Session::Submit(int stream, const HttpAnswer& answer, std::size_t released) {
  Stream* found = Find(stream);
  if (found == nullptr) return;
  const bool has_body = MayHaveBody(found->method, answer.status) && !answer.body.empty();
  found->body = has_body ? answer.body : "";
  found->released = std::min(released, found->body.size());
  std::map<std::string, std::string> headers;
  for (const auto& [name, value] : answer.headers) headers[absl::AsciiStrToLower(name)] = value;
  if (answer.status != 204) headers["content-length"] = absl::StrCat(answer.body.size());
  if (!answer.body.empty()) headers["content-type"] = answer.content_type;
  const std::string status_name = ":status";
  const std::string status = absl::StrCat(answer.status);
  std::vector<nghttp2_nv> fields = {Field(status_name, status)};
  for (const auto& [name, value] : headers) fields.push_back(Field(name, value));
  nghttp2_data_provider body = {};
  body.read_callback = &Callbacks::ReadBody;
  (void)nghttp2_submit_response(session_.get(), stream, fields.data(), fields.size(),
                                has_body ? &body : nullptr);
}

bool Http2Session::SendBodyByte(int stream) {
  Stream* found = Find(stream);
  if (found == nullptr || found->released == found->body.size()) return false;
  ++found->released;
  (void)nghttp2_session_resume_data(session_.get(), stream);
  return found->released < found->body.size();
}

void Http2Session::ResetStream(int stream, std::uint32_t error) {
  (void)nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, error);
}

void Http2Session::GoAway(int last_stream) {
  (void)nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last_stream, NGHTTP2_NO_ERROR,
                              nullptr, 0);
}

Http2Session::Stream* Http2Session::Find(int stream) {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : &found->second;
}

}  // namespace billbroker::billsim
