// StubSecretService::InjectRandom() and InjectRandomForItems(): the random faults.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/stub_secret_service.h"

namespace billbroker {
namespace {

constexpr const char* kMethods[] = {
    "Service.OpenSession", "Service.SearchItems",   "Service.Unlock",         "Service.ReadAlias",
    "Service.GetSecrets",  "Collection.CreateItem", "Item.GetSecret",         "Item.SetSecret",
    "Item.Delete",         "Properties.Get",        "Collection.SearchItems", "Properties.GetAll"};
constexpr const char* kWrites[] = {"Collection.CreateItem", "Item.SetSecret", "Item.Delete"};
constexpr const char* kReads[] = {"Service.SearchItems", "Service.GetSecrets", "Item.GetSecret",
                                  "Collection.SearchItems", "Properties.Get"};
constexpr const char* kPrompting[] = {"Collection.CreateItem", "Item.Delete", "Service.Unlock"};
constexpr const char* kWithPaths[] = {"Service.SearchItems", "Collection.CreateItem",
                                      "Service.ReadAlias", "Service.Unlock", "Service.GetSecrets"};
constexpr const char* kErrors[] = {
    stub_error::kNoSession,     stub_error::kNoSuchObject,  stub_error::kIsLocked,
    stub_error::kUnknownObject, stub_error::kUnknownMethod, stub_error::kInvalidArgs,
    stub_error::kNotSupported,  stub_error::kFailed,        stub_error::kNoReply};
constexpr const char* kSessionErrors[] = {stub_error::kNoSession,     stub_error::kNoSuchObject,
                                          stub_error::kUnknownObject, stub_error::kUnknownMethod,
                                          stub_error::kInvalidArgs,   stub_error::kFailed};
constexpr StubPrompt kPrompts[] = {StubPrompt::kWhenCalled, StubPrompt::kByTest,
                                   StubPrompt::kNever};
constexpr absl::Duration kLongestDelay = absl::Milliseconds(100);
constexpr double kShareOfAlways = 0.3;   // the other faults are for one to three calls
constexpr double kShareOfStates = 0.35;  // the other faults are in the answers of a method

template <typename T, std::size_t kSize>
const T& Pick(const T (&values)[kSize], Random& random) {
  return values[static_cast<std::size_t>(random.Uniform() * kSize)];
}

// Returns true for the methods that read single items.
bool ConcernsItems(const std::string& method) {
  return method == "Item.GetSecret" || method == "Properties.Get";
}

struct Described {
  std::string text;
  StubFault fault;
};

Described RandomFault(Random& random) {
  using F = StubFault;
  const absl::Duration delay = kLongestDelay * random.Uniform();
  switch (static_cast<int>(random.Uniform() * 12)) {
    case 0:
      return {"error", F::Error(Pick(kMethods, random), Pick(kErrors, random))};
    case 1:
      return {"done, yet an error", F::ErrorAfter(Pick(kWrites, random), Pick(kErrors, random))};
    case 2:
      return {"pretended", F::Pretend(Pick(kWrites, random))};
    case 3:
      return {"answer lost", F::LoseAnswer(Pick(kMethods, random))};
    case 4:
      return {"hang", F::Hang(Pick(kMethods, random))};
    case 5:
      return {"held", F::Hold(Pick(kMethods, random))};
    case 6:
      return {"done late", F::DelayCall(Pick(kMethods, random), delay)};
    case 7:
      return {"answered late", F::DelayAnswer(Pick(kMethods, random), delay)};
    case 8:
      return {"items omitted", F::Omit(Pick(kReads, random))};
    case 9:
      return {"wrong paths", F::WrongPaths(Pick(kWithPaths, random))};
    case 10:
      return {"wrong type", F::WrongType(Pick(kMethods, random))};
    default:
      return {"prompt", F::AnswerPrompt(Pick(kPrompting, random), Pick(kPrompts, random))};
  }
}

StubSecretService::Change RandomRestart(Random& random) {
  StubSecretService::Change change;
  change.renumber = random.Uniform() < 0.3;
  change.announce_collections = random.Uniform() < 0.5;
  if (random.Uniform() < 0.5) change.lock = StubLock::kNeedsPerson;
  if (random.Uniform() < 0.3) change.kind = StubBehaviour::KWallet();
  return change;
}

// Changes the state of the whole provider and returns the description.
std::string ChangeState(StubSecretService& stub, Random& random) {
  switch (static_cast<int>(random.Uniform() * 8)) {
    case 0:
      stub.Lock(StubLock::kNeedsPerson);
      return "locked, needs a person";
    case 1:
      stub.Lock(StubLock::kOpensOnRequest);
      return "locked, opens on request";
    case 2: {
      const std::string error = Pick(kSessionErrors, random);
      stub.ForgetSessions(error);
      return absl::StrCat("sessions forgotten: ", error);
    }
    case 3:
      stub.RekeySessions();
      return "sessions have other keys";
    case 4:
      stub.SetSignals(false);
      return "signals lost";
    case 5:
      stub.SetAlias("default", "/");
      return "no default collection";
    case 6:
      stub.Restart(RandomRestart(random));
      return "restarted";
    default:
      stub.Stop();
      return "stopped";
  }
}

std::string InjectDescribed(StubSecretService& stub, Described described, Random& random) {
  std::string text = absl::StrCat(described.text, ": ", described.fault.method);
  if (!described.fault.error.empty()) absl::StrAppend(&text, " with ", described.fault.error);
  if (random.Uniform() >= kShareOfAlways) {
    described.fault.times = 1 + static_cast<int>(random.Uniform() * 3);
    absl::StrAppend(&text, ", calls: ", described.fault.times);
  }
  stub.Inject(std::move(described.fault));
  return text;
}

}  // namespace

std::string StubSecretService::InjectRandom(Random& random) {
  if (random.Uniform() < kShareOfStates) return ChangeState(*this, random);
  return InjectDescribed(*this, RandomFault(random), random);
}

std::string StubSecretService::InjectRandomForItems(Random& random,
                                                    const StubAttributes& attributes) {
  while (true) {
    Described described = RandomFault(random);
    if (!ConcernsItems(described.fault.method)) continue;
    described.fault = std::move(described.fault).ForItem(attributes);
    return InjectDescribed(*this, std::move(described), random);
  }
}

}  // namespace billbroker
