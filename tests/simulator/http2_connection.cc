#include "tests/simulator/http2_connection.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/strip.h"
#include "tests/simulator/errors.h"

namespace billbroker::billsim {
namespace {

constexpr absl::Duration kPatienceAfterEnd = absl::Seconds(5);

// Removes the base path from the call's path. Returns false if the path is outside of it.
bool RemoveBasePath(HttpCall& call) {
  absl::string_view path = call.path;
  if (!absl::ConsumePrefix(&path, "/connect")) return false;
  call.path = std::string(path);
  return true;
}

// Returns the last stream before `stream`. A client's streams have odd numbers.
int StreamBefore(int stream) { return std::max(0, stream - 2); }

}  // namespace

Http2Connection::Http2Connection(const Parts& parts, SSL_CTX& context, int socket)
    : parts_(parts),
      channel_(context, socket, parts.stop),
      session_({[this](int stream, const HttpCall& head) { OnHeaders(stream, head); },
                [this](int stream, HttpCall call) { OnCall(stream, std::move(call)); },
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
  // A close with unread input would be a TCP reset, which can overtake the answer. The client of an
  // excluded stream closes the connection itself.
  if (excluded_.empty()) channel_.EndOutput();
  DiscardInput(excluded_.empty() ? kPatienceAfterEnd : absl::InfiniteDuration());
}

void Http2Connection::DiscardInput(absl::Duration limit) {
  const absl::Duration end = parts_.clock.SinceBoot() + limit;
  while (parts_.clock.SinceBoot() < end &&
         channel_.Read(end - parts_.clock.SinceBoot()).has_value()) {
  }
}

void Http2Connection::OnHeaders(int stream, HttpCall head) {
  if (!RemoveBasePath(head)) return;
  const absl::optional<Fault> fault = parts_.gateway.ReceiveHeaders(head);
  if (!fault.has_value()) return;
  session_.GoAway(fault->processed ? stream : StreamBefore(stream));
  if (fault->processed) return;
  ++parts_.counts.calls;
  excluded_.insert(stream);
}

void Http2Connection::OnCall(int stream, HttpCall call) {
  if (excluded_.contains(stream)) return;
  ++parts_.counts.calls;
  ++parts_.counts.calls_under_way;
  Pending pending;
  if (RemoveBasePath(call)) {
    pending.delivery = parts_.gateway.ReceiveRest(call);
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
      session_.GoAway(StreamBefore(stream));
      return false;
    case Manner::kGoAwayAfter:
      session_.GoAway(stream);
      session_.Answer(stream, pending.delivery.answer);
      return false;
    case Manner::kGoAwayInAnswerBefore:  // nghttp2 sends DATA after all other frames
      session_.Answer(stream, pending.delivery.answer);
      session_.GoAway(StreamBefore(stream));
      return false;
    case Manner::kGoAwayInAnswerAfter:
      session_.Answer(stream, pending.delivery.answer);
      session_.GoAway(stream);
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
