#include "tests/simulator/http2_connection.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/strip.h"
#include "tests/simulator/errors.h"

namespace billbroker::billsim {

Http2Connection::Http2Connection(const Parts& parts, SSL_CTX& context, int socket)
    : parts_(parts),
      channel_(context, socket, parts.stop),
      session_({[this](int stream, HttpCall call) { OnCall(stream, std::move(call)); },
                [this](int stream) { OnClosed(stream); }}) {}

Http2Connection::~Http2Connection() {
  parts_.counts.calls_under_way -= static_cast<int>(pending_.size());
}

void Http2Connection::Run() {
  if (!channel_.Handshake()) return;
  ++parts_.counts.connections;
  bool valid = true;
  while (channel_.Write(session_.TakeOutput()) && valid && !session_.IsOver()) {
    const absl::optional<std::string> bytes = channel_.Read(UntilDue());
    if (!bytes.has_value()) return;
    valid = session_.Receive(*bytes);
    DeliverDue();
    if (reset_) return channel_.Reset();
  }
}

void Http2Connection::OnCall(int stream, HttpCall call) {
  ++parts_.counts.calls;
  ++parts_.counts.calls_under_way;
  absl::string_view path = call.path;
  Pending pending;
  if (absl::ConsumePrefix(&path, "/connect")) {
    call.path = std::string(path);
    pending.delivery = parts_.gateway.Receive(call);
  } else {
    pending.delivery.answer = HtmlAnswer(404);
  }
  pending.due = parts_.clock.SinceBoot() + pending.delivery.latency;
  pending_[stream] = std::move(pending);
}

void Http2Connection::OnClosed(int stream) {
  parts_.counts.calls_under_way -= static_cast<int>(pending_.erase(stream));
}

absl::Duration Http2Connection::UntilDue() const {
  absl::Duration due = absl::InfiniteDuration();
  for (const auto& [stream, pending] : pending_) due = std::min(due, pending.due);
  return due - parts_.clock.SinceBoot();
}

void Http2Connection::DeliverDue() {
  for (auto next = pending_.begin(); next != pending_.end() && !reset_;) {
    const auto current = next++;
    if (current->second.due > parts_.clock.SinceBoot()) continue;
    if (Deliver(current->first, current->second)) continue;
    pending_.erase(current);
    --parts_.counts.calls_under_way;
  }
}

bool Http2Connection::Deliver(int stream, Pending& pending) {
  switch (pending.delivery.manner) {
    case Manner::kWhole:
      session_.Answer(stream, pending.delivery.answer);
      return false;
    case Manner::kReset:
      reset_ = true;
      return false;
    case Manner::kHang:
      return Hang(pending);
    case Manner::kDrip:
      return Drip(stream, pending);
    case Manner::kRefuseStream:
      session_.ResetStream(stream, NGHTTP2_REFUSED_STREAM);
      return false;
    case Manner::kResetStream:
      session_.ResetStream(stream, NGHTTP2_INTERNAL_ERROR);
      return false;
    case Manner::kGoAwayBefore:
      session_.GoAway(std::max(0, stream - 2));  // a client's streams have odd numbers
      return false;
    case Manner::kGoAwayAfter:
      session_.GoAway(stream);
      session_.Answer(stream, pending.delivery.answer);
      return false;
  }
  return false;
}

bool Http2Connection::Hang(Pending& pending) {
  reset_ = pending.begun;
  pending.begun = true;
  pending.due += pending.delivery.pace;
  return !reset_;
}

bool Http2Connection::Drip(int stream, Pending& pending) {
  pending.due += pending.delivery.pace;
  if (pending.begun) return session_.SendBodyByte(stream);
  pending.begun = true;
  session_.BeginAnswer(stream, pending.delivery.answer);
  return !pending.delivery.answer.body.empty();
}

}  // namespace billbroker::billsim
