#include "tests/support/stub_secret_fault.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace billbroker {
namespace {

bool Selects(const StubFault& fault, const StubCall& call, const StubSubjects& subjects) {
  const auto has_attributes = [&](const StubAttributes& attributes) {
    return StubHasAttributes(attributes, fault.attributes);
  };
  // The call does not have to name the items that its answer leaves out.
  const bool omits = fault.kind == StubFault::Kind::kOmit;
  return StubMethodMatches(call.method, fault.method) &&
         (fault.property.empty() || fault.property == call.property) &&
         (omits || fault.path.empty() ||
          std::count(subjects.paths.begin(), subjects.paths.end(), fault.path) != 0) &&
         (omits || fault.attributes.empty() ||
          std::any_of(subjects.attributes.begin(), subjects.attributes.end(), has_attributes));
}

}  // namespace

bool StubMethodMatches(const std::string& method, const std::string& pattern) {
  absl::string_view prefix = pattern;
  return absl::ConsumeSuffix(&prefix, "*") ? absl::StartsWith(method, prefix) : method == pattern;
}

StubFault StubFault::Error(std::string method, std::string name, std::string message) {
  StubFault fault{std::move(method), Kind::kError};
  fault.error = std::move(name);
  fault.text = std::move(message);
  return fault;
}

StubFault StubFault::ErrorAfter(std::string method, std::string name) {
  StubFault fault = Error(std::move(method), std::move(name));
  fault.kind = Kind::kErrorAfter;
  return fault;
}

StubFault StubFault::DelayCall(std::string method, absl::Duration delay) {
  StubFault fault{std::move(method), Kind::kDelayCall};
  fault.delay = delay;
  return fault;
}

StubFault StubFault::DelayAnswer(std::string method, absl::Duration delay) {
  StubFault fault{std::move(method), Kind::kDelayAnswer};
  fault.delay = delay;
  return fault;
}

StubFault StubFault::WrongPaths(std::string method, std::string path) {
  StubFault fault{std::move(method), Kind::kWrongPaths};
  fault.text = std::move(path);
  return fault;
}

StubFault StubFault::Answer(std::string method, std::string text) {
  StubFault fault{std::move(method), Kind::kAnswer};
  fault.text = std::move(text);
  return fault;
}

StubFault StubFault::AnswerPrompt(std::string method, StubPrompt prompt) {
  StubFault fault{std::move(method), Kind::kAnswerPrompt};
  fault.prompt = prompt;
  return fault;
}

StubFault StubFault::SignalFirst(std::string method, StubSignal signal) {
  StubFault fault{std::move(method), Kind::kSignalFirst};
  fault.signal = std::move(signal);
  return fault;
}

StubFault StubFault::Times(int count) && {
  times = count;
  return std::move(*this);
}

StubFault StubFault::ForPath(std::string only) && {
  path = std::move(only);
  return std::move(*this);
}

StubFault StubFault::ForItem(StubAttributes only) && {
  attributes = std::move(only);
  return std::move(*this);
}

StubFault StubFault::ForProperty(std::string only) && {
  property = std::move(only);
  return std::move(*this);
}

std::optional<StubFault> StubFaults::Take(const StubCall& call, const StubSubjects& subjects) {
  const auto found = std::find_if(faults_.begin(), faults_.end(), [&](const StubFault& fault) {
    return Selects(fault, call, subjects);
  });
  if (found == faults_.end()) return std::nullopt;
  StubFault fault = *found;
  if (found->times > 0 && --found->times == 0) faults_.erase(found);
  return fault;
}

}  // namespace billbroker
