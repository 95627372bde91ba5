// Http2Session: the server's side of one HTTP/2 connection, without sockets. It receives the bytes
// that the client sent, reports calls, and returns the bytes to send. Source: RFC 9113.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/simulator/http.h"

namespace billbroker::billsim {

// Not thread-safe. A request's header fields are limited to 64 KiB in all and its body to 1 MiB;
// beyond, its stream is reset. A single field above 64 KiB ends the connection. An answer to HEAD
// and an answer 204 or 304 is sent without its body. Functions for a stream that is closed do
// nothing.
class Http2Session final {
 public:
  // Receive() and TakeOutput() call these. They may call the functions below that take a stream.
  struct Events {
    // The header fields of a request are complete; `head` has no body yet.
    std::function<void(int stream, const HttpCall& head)> on_headers;
    // A request is complete. Its path is the whole path, decoded and without the query.
    std::function<void(int stream, HttpCall call)> on_call;
    // The stream is closed, because it was answered or because either side reset it.
    std::function<void(int stream)> on_closed;
  };

  explicit Http2Session(Events events);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  // Returns false if the bytes are not HTTP/2. TakeOutput() then returns the error for the client.
  [[nodiscard]] bool Receive(absl::string_view bytes);
  // Returns the bytes to send next; empty if there are none.
  [[nodiscard]] std::string TakeOutput();
  // Returns true if the connection is to be closed once the output is sent.
  [[nodiscard]] bool IsOver() const;

  void Answer(int stream, const HttpAnswer& answer);
  // Sends the header fields of `answer`; SendBodyByte() sends its body.
  void BeginAnswer(int stream, const HttpAnswer& answer);
  // Returns false after the last byte of the body.
  [[nodiscard]] bool SendBodyByte(int stream);
  // Sends RST_STREAM with `error`, an nghttp2_error_code.
  void ResetStream(int stream, std::uint32_t error);
  // Sends GOAWAY: streams above `last_stream` were not processed, and new ones are ignored. The
  // connection is over when the streams up to `last_stream` are closed.
  void GoAway(int last_stream);

 private:
  struct Stream {
    HttpCall call;
    std::string method;  // stays when `call` is moved
    std::size_t header_bytes = 0;
    std::string body;          // of the answer
    std::size_t sent = 0;      // bytes of `body`
    std::size_t released = 0;  // bytes of `body` that may be sent
  };
  struct Callbacks;

  void Submit(int stream, const HttpAnswer& answer, std::size_t released);
  [[nodiscard]] Stream* Find(int stream);

  Events events_;
  std::map<int, Stream> streams_;
  std::unique_ptr<nghttp2_session, decltype(&nghttp2_session_del)> session_;
};

}  // namespace billbroker::billsim
