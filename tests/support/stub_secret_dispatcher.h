// StubSecretDispatcher: applies faults and prompts to the calls that the stub Secret Service
// receives.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "tests/support/stub_bus_peer.h"
#include "tests/support/stub_secret_fault.h"
#include "tests/support/stub_secret_provider.h"

namespace billbroker {

// Everything but Run() is for the peer's thread only.
class StubSecretDispatcher final {
 public:
  explicit StubSecretDispatcher(StubBehaviour behaviour)
      : provider(std::move(behaviour)), peer_([this](auto call) { Handle(std::move(call)); }) {}

  // Runs `work` on the peer's thread, and sends the signals of its changes.
  void Run(absl::FunctionRef<void()> work);

  void Open(const std::string& address);
  // Drops the prompts and calls that are not done.
  void Close();
  [[nodiscard]] bool is_open() const { return peer_.is_open(); }

  void ReleaseHeld();
  [[nodiscard]] int held() const { return static_cast<int>(held_.size()); }
  // Completes the prompts that were called and wait for the test. Returns their number.
  int CompletePrompts(bool dismissed);
  // Ignores `sends_signals`.
  void Send(const StubSignal& signal);

  StubSecretProvider provider;
  StubFaults faults;
  std::vector<StubCall> calls;
  bool sends_signals = true;

 private:
  struct Request;
  using RequestPtr = std::shared_ptr<const Request>;  // shared: timers and prompts hold it
  struct Prompt {
    RequestPtr request;
    StubPrompt mode;
    bool pretend;
    bool called = false;
  };

  void Handle(std::shared_ptr<const StubBusPeer::Call> call);
  void HandleWithFault(const RequestPtr& request, const StubFault& fault);
  [[nodiscard]] StubSubjects SubjectsOf(const Request& request) const;

  // Executes the call or makes a prompt for it; sends the signals. `pretend`: changes nothing.
  StubAnswer Perform(const RequestPtr& request, bool pretend = false);
  StubAnswer Execute(const Request& request, bool pretend);
  [[nodiscard]] bool NeedsPerson(const Request& request) const;
  StubAnswer MakePrompt(const RequestPtr& request, StubPrompt mode, bool pretend);
  StubAnswer CallPrompt(const StubCall& call);
  void Complete(const std::string& path, bool dismissed);
  StubAnswer PerformWithout(const RequestPtr& request, const StubFault& fault);
  void Answer(const Request& request, const StubAnswer& answer);
  void SendSignals();

  int last_prompt_ = 0;
  std::map<std::string, Prompt> prompts_;
  std::vector<RequestPtr> held_;
  StubBusPeer peer_;  // last: its thread uses the other members
};

}  // namespace billbroker
