// StubFault: one fault of the stub Secret Service, for the calls of one method.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "tests/support/stub_secret_items.h"

namespace billbroker {

// A call that the stub received.
struct StubCall {
  std::string method;  // "Service.SearchItems", "Item.GetSecret", "Prompt.Prompt", "Properties.Get"
  std::string path;    // of the object that was called
  std::string property;  // of Properties.Get and Properties.Set: "Locked"
};

// The D-Bus errors of providers.
namespace stub_error {
constexpr char kNoSession[] = "org.freedesktop.Secret.Error.NoSession";
constexpr char kNoSuchObject[] = "org.freedesktop.Secret.Error.NoSuchObject";
constexpr char kIsLocked[] = "org.freedesktop.Secret.Error.IsLocked";
constexpr char kUnknownObject[] = "org.freedesktop.DBus.Error.UnknownObject";
constexpr char kUnknownMethod[] = "org.freedesktop.DBus.Error.UnknownMethod";
constexpr char kInvalidArgs[] = "org.freedesktop.DBus.Error.InvalidArgs";
constexpr char kNotSupported[] = "org.freedesktop.DBus.Error.NotSupported";
constexpr char kFailed[] = "org.freedesktop.DBus.Error.Failed";
constexpr char kNoReply[] = "org.freedesktop.DBus.Error.NoReply";
}  // namespace stub_error

// When a prompt completes as accepted. Dismiss() completes every prompt but kNever as dismissed.
enum class StubPrompt {
  kWhenCalled,  // at Prompt(): KeePassXC without confirmation
  kByTest,      // at CompletePrompts()
  kNever,
};

// A fault lasts until StubSecretService::Heal(), or for a number of calls:
//
//   StubFault::LoseAnswer("Item.SetSecret").Once()
//   StubFault::Error("Service.*", stub_error::kFailed).ForItem({{"kind", "credential"}})
//
// A method is "Interface.Method", "Interface.*" or "*".
struct StubFault {
  enum class Kind {
    kError,         // answers with an error and does nothing
    kErrorAfter,    // does it and answers with an error
    kPretend,       // answers OK and does nothing
    kLoseAnswer,    // does it and never answers
    kHang,          // does nothing and never answers
    kHold,          // waits for ReleaseHeld(), then does it and answers
    kDelayCall,     // waits, then does it and answers; the client may have given up
    kDelayAnswer,   // does it, waits, and answers
    kOmit,          // leaves the items that the fault names out of the answer (default: all items)
    kWrongPaths,    // does it and answers with the paths replaced by `text`
    kAnswer,        // does nothing and answers with `text`, in GVariant's text format
    kAnswerPrompt,  // answers with a prompt, and does it when the prompt completes
    kSignalFirst,   // sends `signal` before it is done and answered
  };

  static StubFault Error(std::string method, std::string name, std::string message = "scripted");
  static StubFault ErrorAfter(std::string method, std::string name);
  static StubFault Pretend(std::string method) { return {std::move(method), Kind::kPretend}; }
  static StubFault LoseAnswer(std::string method) { return {std::move(method), Kind::kLoseAnswer}; }
  static StubFault Hang(std::string method) { return {std::move(method), Kind::kHang}; }
  static StubFault Hold(std::string method) { return {std::move(method), Kind::kHold}; }
  static StubFault DelayCall(std::string method, absl::Duration delay);
  static StubFault DelayAnswer(std::string method, absl::Duration delay);
  static StubFault Omit(std::string method) { return {std::move(method), Kind::kOmit}; }
  static StubFault WrongPaths(std::string method,
                              std::string path = "/org/freedesktop/secrets/collection/none/999");
  static StubFault WrongType(std::string method) {
    return Answer(std::move(method), "(uint32 7,)");
  }
  static StubFault Answer(std::string method, std::string text);
  static StubFault AnswerPrompt(std::string method, StubPrompt prompt);
  static StubFault SignalFirst(std::string method, StubSignal signal);

  // Limits the fault to the next calls.
  [[nodiscard]] StubFault Times(int count) &&;
  [[nodiscard]] StubFault Once() && { return std::move(*this).Times(1); }
  // Limits the fault to calls on or with this path, for example of one item. With Omit(): to calls
  // of the method, whose answers leave out this item only.
  [[nodiscard]] StubFault ForPath(std::string path) &&;
  // The same for the items, and the searches, that have these attributes.
  [[nodiscard]] StubFault ForItem(StubAttributes attributes) &&;
  [[nodiscard]] StubFault ForProperty(std::string name) &&;

  std::string method;
  Kind kind;
  std::string error = {};  // its D-Bus name
  std::string text = {};
  absl::Duration delay = absl::ZeroDuration();
  StubPrompt prompt = StubPrompt::kByTest;
  StubSignal signal = {};
  int times = -1;  // negative: always
  std::string path = {};
  StubAttributes attributes = {};
  std::string property = {};
};

// The objects that a call is about, for the limits of faults.
struct StubSubjects {
  std::vector<std::string> paths;
  std::vector<StubAttributes> attributes;
};

// The faults that wait for calls; an older fault goes first.
class StubFaults final {
 public:
  void Add(StubFault fault) { faults_.push_back(std::move(fault)); }
  void Clear() { faults_.clear(); }
  // Returns the fault for this call, which counts as one of its times.
  [[nodiscard]] std::optional<StubFault> Take(const StubCall& call, const StubSubjects& subjects);

 private:
  std::list<StubFault> faults_;
};

// Returns whether a method is selected by a pattern: "Interface.Method", "Interface.*" or "*".
[[nodiscard]] bool StubMethodMatches(const std::string& method, const std::string& pattern);

}  // namespace billbroker
