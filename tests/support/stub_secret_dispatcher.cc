#include "tests/support/stub_secret_dispatcher.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

constexpr char kBusName[] = "org.freedesktop.secrets";
constexpr char kRootPath[] = "/org/freedesktop/secrets";
constexpr char kPropertiesInterface[] = "org.freedesktop.DBus.Properties";

// Returns "Item.GetSecret" for the method GetSecret of org.freedesktop.Secret.Item.
std::string ShortName(GDBusMessage* message) {
  const std::string interface = g_dbus_message_get_interface(message);
  return absl::StrCat(interface.substr(interface.find_last_of('.') + 1), ".",
                      g_dbus_message_get_member(message));
}

std::string PropertyName(const std::string& method, GVariant* arguments) {
  const bool names_property = method == "Properties.Get" || method == "Properties.Set";
  if (!names_property || g_variant_n_children(arguments) < 2) return "";
  const GVariantPtr name(g_variant_get_child_value(arguments, 1));
  const bool is_text = g_variant_is_of_type(name.get(), G_VARIANT_TYPE_STRING);
  return is_text ? g_variant_get_string(name.get(), nullptr) : "";
}

bool IsDelete(const std::string& method) {
  return method == "Item.Delete" || method == "Collection.Delete";
}

}  // namespace

struct StubSecretDispatcher::Request {
  std::shared_ptr<const StubBusPeer::Call> on_bus;
  StubCall call;
  GVariantPtr arguments;
};

void StubSecretDispatcher::Run(absl::FunctionRef<void()> work) {
  peer_.Run([&] {
    work();
    SendSignals();
  });
}

void StubSecretDispatcher::Open(const std::string& address) {
  (void)provider.items.TakeSignals();
  peer_.Open(address, kBusName);
}

void StubSecretDispatcher::Close() {
  peer_.Close();
  prompts_.clear();
  held_.clear();
}

void StubSecretDispatcher::Handle(std::shared_ptr<const StubBusPeer::Call> call) {
  GDBusMessage* message = call->message.get();
  auto request = std::make_shared<Request>();
  GVariant* body = g_dbus_message_get_body(message);
  request->arguments = StubOwned(body == nullptr ? g_variant_new("()") : body);
  request->call.method = ShortName(message);
  request->call.path = g_dbus_message_get_path(message);
  request->call.property = PropertyName(request->call.method, request->arguments.get());
  request->on_bus = std::move(call);
  calls.push_back(request->call);
  const std::optional<StubFault> fault = faults.Take(request->call, SubjectsOf(*request));
  if (fault) {
    HandleWithFault(request, *fault);
  } else {
    Answer(*request, Perform(request));
  }
}

void StubSecretDispatcher::HandleWithFault(const RequestPtr& request, const StubFault& fault) {
  using Kind = StubFault::Kind;
  const auto perform_later = [this, request] {
    if (peer_.IsCurrent(*request->on_bus)) Answer(*request, Perform(request));
  };
  switch (fault.kind) {
    case Kind::kErrorAfter:
      (void)Perform(request);
      return Answer(*request, {nullptr, fault.error, fault.text});
    case Kind::kError:
      return Answer(*request, {nullptr, fault.error, fault.text});
    case Kind::kPretend:
      return Answer(*request, Perform(request, /*pretend=*/true));
    case Kind::kLoseAnswer:
      (void)Perform(request);
      return;
    case Kind::kHang:
      return;
    case Kind::kHold:
      held_.push_back(request);
      return;
    case Kind::kDelayCall:
      return peer_.RunAfter(fault.delay, perform_later);
    case Kind::kDelayAnswer: {
      auto answer = std::make_shared<StubAnswer>(Perform(request));  // shared: std::function copies
      return peer_.RunAfter(fault.delay, [this, request, answer] { Answer(*request, *answer); });
    }
    case Kind::kOmit:
      return Answer(*request, PerformWithout(request, fault));
    case Kind::kWrongPaths: {
      StubAnswer answer = Perform(request);
      if (answer.body != nullptr) {
        answer.body = StubOwned(StubWithPaths(answer.body.get(), fault.text));
      }
      return Answer(*request, answer);
    }
    case Kind::kAnswer:
      return Answer(*request, {StubParsedVariant(fault.text)});
    case Kind::kAnswerPrompt:
      return Answer(*request, MakePrompt(request, fault.prompt, /*pretend=*/false));
    case Kind::kSignalFirst:
      Send(fault.signal);
      return Answer(*request, Perform(request));
  }
}

StubAnswer StubSecretDispatcher::PerformWithout(const RequestPtr& request, const StubFault& fault) {
  for (const StubItem& item : provider.items.Search(fault.attributes)) {
    if (fault.path.empty() || fault.path == item.path) provider.omitted.push_back(item.path);
  }
  StubAnswer answer = Perform(request);
  provider.omitted.clear();
  return answer;
}

StubSubjects StubSecretDispatcher::SubjectsOf(const Request& request) const {
  StubSubjects subjects;
  subjects.paths.push_back(request.call.path);
  StubCollect(request.arguments.get(), subjects.paths, subjects.attributes);
  for (const std::string& path : subjects.paths) {
    const StubItem* item = provider.items.Find(path);
    if (item != nullptr) subjects.attributes.push_back(item->attributes);
  }
  return subjects;
}

StubAnswer StubSecretDispatcher::Perform(const RequestPtr& request, bool pretend) {
  const StubCall& call = request->call;
  if (absl::StartsWith(call.method, "Prompt.")) return CallPrompt(call);
  const bool changes = call.method == "Collection.CreateItem" || call.method == "Item.Delete";
  if (changes && provider.behaviour.prompts_for_changes) {
    return MakePrompt(request, StubPrompt::kWhenCalled, pretend);
  }
  if (NeedsPerson(*request)) return MakePrompt(request, StubPrompt::kByTest, pretend);
  return Execute(*request, pretend);
}

StubAnswer StubSecretDispatcher::Execute(const Request& request, bool pretend) {
  if (pretend) return StubSecretProvider(provider).Execute(request.call, request.arguments.get());
  StubAnswer answer = provider.Execute(request.call, request.arguments.get());
  SendSignals();
  return answer;
}

bool StubSecretDispatcher::NeedsPerson(const Request& request) const {
  if (request.call.method != "Service.Unlock") return false;
  std::vector<std::string> paths;
  std::vector<StubAttributes> none;
  StubCollect(request.arguments.get(), paths, none);
  for (const std::string& path : paths) {
    if (provider.items.LockOf(path) == StubLock::kNeedsPerson) return true;
  }
  return false;
}

StubAnswer StubSecretDispatcher::MakePrompt(const RequestPtr& request, StubPrompt mode,
                                            bool pretend) {
  const std::string path = absl::StrCat(kRootPath, "/prompt/p", ++last_prompt_);
  prompts_[path] = Prompt{request, mode, pretend};
  const std::string& method = request->call.method;
  if (IsDelete(method)) return {StubOwned(g_variant_new("(o)", path.c_str()))};
  if (absl::EndsWith(method, "Lock") || absl::EndsWith(method, "Unlock")) {
    return {StubOwned(g_variant_new("(@aoo)", StubPathsVariant({}), path.c_str()))};
  }
  return {StubOwned(g_variant_new("(oo)", "/", path.c_str()))};
}

StubAnswer StubSecretDispatcher::CallPrompt(const StubCall& call) {
  const auto found = prompts_.find(call.path);
  if (found == prompts_.end()) {
    return {nullptr, provider.behaviour.missing_object_error, "the prompt does not exist"};
  }
  Prompt& prompt = found->second;
  const bool dismissed = call.method == "Prompt.Dismiss";
  prompt.called = true;
  if (prompt.mode != StubPrompt::kNever && (dismissed || prompt.mode == StubPrompt::kWhenCalled)) {
    // After the answer to this call.
    peer_.RunAfter(absl::ZeroDuration(),
                   [this, path = call.path, dismissed] { Complete(path, dismissed); });
  }
  return {StubOwned(g_variant_new("()"))};
}

void StubSecretDispatcher::Complete(const std::string& path, bool dismissed) {
  const auto found = prompts_.find(path);
  if (found == prompts_.end()) return;
  const Prompt prompt = found->second;
  prompts_.erase(found);
  GVariantPtr result = StubOwned(g_variant_new_string(""));
  if (!dismissed) {
    provider.person_agrees = true;
    const StubAnswer answer = Execute(*prompt.request, prompt.pretend);
    provider.person_agrees = false;
    dismissed = answer.body == nullptr;
    if (!dismissed && !IsDelete(prompt.request->call.method)) {
      result.reset(g_variant_get_child_value(answer.body.get(), 0));
    }
  }
  peer_.SendSignal(path, "org.freedesktop.Secret.Prompt", "Completed",
                   g_variant_new("(bv)", dismissed ? TRUE : FALSE, result.get()));
}

int StubSecretDispatcher::CompletePrompts(bool dismissed) {
  std::vector<std::string> waiting;
  for (const auto& [path, prompt] : prompts_) {
    if (prompt.called && prompt.mode == StubPrompt::kByTest) waiting.push_back(path);
  }
  for (const std::string& path : waiting) Complete(path, dismissed);
  return static_cast<int>(waiting.size());
}

void StubSecretDispatcher::ReleaseHeld() {
  for (const RequestPtr& request : std::exchange(held_, {})) Answer(*request, Perform(request));
}

void StubSecretDispatcher::Answer(const Request& request, const StubAnswer& answer) {
  if (answer.body == nullptr) {
    peer_.AnswerError(*request.on_bus, answer.error, answer.message);
  } else {
    peer_.Answer(*request.on_bus, answer.body.get());
  }
}

void StubSecretDispatcher::SendSignals() {
  for (const StubSignal& signal : provider.items.TakeSignals()) {
    if (sends_signals) Send(signal);
  }
}

void StubSecretDispatcher::Send(const StubSignal& signal) {
  const bool is_of_service = absl::StartsWith(signal.name, "Service.");
  const std::string path = is_of_service ? kRootPath : StubParentPath(signal.object);
  const std::string::size_type dot = signal.name.find('.');
  peer_.SendSignal(path, absl::StrCat("org.freedesktop.Secret.", signal.name.substr(0, dot)),
                   signal.name.substr(dot + 1), g_variant_new("(o)", signal.object.c_str()));
  if (signal.name != "Service.CollectionChanged") return;
  const gboolean locked = provider.items.IsLocked(signal.object) ? TRUE : FALSE;
  GVariantBuilder changed;
  g_variant_builder_init(&changed, G_VARIANT_TYPE("a{sv}"));
  g_variant_builder_add(&changed, "{sv}", "Locked", g_variant_new_boolean(locked));
  peer_.SendSignal(signal.object, kPropertiesInterface, "PropertiesChanged",
                   g_variant_new("(sa{sv}@as)", "org.freedesktop.Secret.Collection", &changed,
                                 g_variant_new_strv(nullptr, 0)));
}

}  // namespace billbroker
