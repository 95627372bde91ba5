#include "tests/bench/scale_broker.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/bench/load.h"
#include "tests/simulator/generated_world.h"
#include "tests/support/await.h"
#include "tests/support/store_calls.h"
#include "vault/fingerprint.h"

namespace billbroker {
namespace {

constexpr char kPrincipal[] = "unix:bench-caller";
constexpr char kSpentDevKey[] = "devkey-that-is-spent";
constexpr char kEnvironment[] = "sandbox";
constexpr int kScaleUsers = 20;
constexpr int kSignInsPerHour = 10'000'000;
constexpr int kSpentSignIns = 200;
constexpr absl::Duration kFillTimeout = absl::Minutes(10);

bool IsSpent(int user) { return user % 2 == 1; }

Credential MakeUser(int user, int slots) {
  Credential credential;
  credential.name = absl::StrCat("user-", user);
  credential.uid = absl::StrCat("uid-of-generated-user-", user);
  credential.environment = kEnvironment;
  credential.username = billsim::GeneratedUsername(user);
  credential.password = SecretString::CopyOf(billsim::GeneratedSecret(user));
  credential.dev_key =
      SecretString::CopyOf(IsSpent(user) ? kSpentDevKey : billsim::GeneratedDevKey(user));
  for (int n = user; n < slots; n += kScaleUsers) {
    credential.organizations.push_back({billsim::GeneratedOrganizationId(n), {}});
  }
  return credential;
}

std::vector<CredentialInfoPtr> StoreCredentials(Vault& vault, int slots) {
  const Fingerprinter fingerprinter(*vault.MasterKey());
  std::vector<CredentialInfoPtr> infos;
  for (int user = 0; user < kScaleUsers; ++user) {
    const Credential credential = MakeUser(user, slots);
    if (!vault.Create(credential).ok()) std::abort();
    infos.push_back(InfoOf(credential, fingerprinter));
  }
  return infos;
}

DevKeyBudgetId SpentDevKey(const CredentialInfo& spent) {
  return {kEnvironment, spent.DevKeyIdFor(ScaleBroker::WaitingOrganization())};
}

SessionManagerOptions MakeOptions(const DevKeyBudgetId& spent) {
  SessionManagerOptions options;
  options.sign_in.sign_ins_per_hour = kSignInsPerHour;
  options.sign_in.shares[spent.dev_key_id] = static_cast<double>(kSpentSignIns) / kSignInsPerHour;
  return options;
}

// Returns a store in which the devKey's sign-ins of the past hour are spent.
StoreContents MakeContents(const DevKeyBudgetId& spent, const Clock& clock) {
  StoreContents contents;
  contents.same_boot = true;
  const absl::Duration ago = absl::Hours(1) - ScaleBroker::kTurn;
  const Moment moment = {clock.Now() - ago, clock.SinceBoot() - ago};
  for (int n = 0; n < kSpentSignIns; ++n) {
    StoredAttempt attempt;
    attempt.id = absl::StrCat("attempt-of-the-past-hour-", n);
    attempt.slot = {"uid-of-a-deleted-credential", absl::StrCat("organization-", n)};
    attempt.dev_key = spent;
    attempt.user = {kEnvironment, "user-of-a-deleted-credential", ""};
    attempt.secret_id = "fingerprint-of-a-secret";
    attempt.started = moment;
    attempt.ended = moment;
    attempt.ending = SignInEnding::kAccepted;
    contents.attempts.push_back(std::move(attempt));
  }
  return contents;
}

Policy EverythingGranted() {
  Policy policy;
  policy.grants = {{{kPrincipal}, Role::kAdmin, {"*"}, {}}};
  policy.limits = {1e9, 1e9, 1'000'000'000};
  return policy;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ScaleBroker>> ScaleBroker::Start(int slots) {
  std::unique_ptr<ScaleBroker> broker(new ScaleBroker(slots));
  if (absl::Status status = broker->FillSlots(); !status.ok()) return status;
  if (absl::Status status = broker->Serve(); !status.ok()) return status;
  return broker;
}

ScaleBroker::ScaleBroker(int slots)
    : slots_(slots),
      credentials_(StoreCredentials(vault_, slots)),
      sessions_(MakeOptions(SpentDevKey(*credentials_[1])),
                {clock_,
                 *threads_,
                 random_,
                 vault_,
                 vault_health_,
                 index_,
                 remember_me_refusals_,
                 bill_,
                 store_,
                 observer_,
                 {{kEnvironment, "https://sandbox.test/connect"}}}),
      state_("1.2.3", clock_.Now(), {{kEnvironment, "https://sandbox.test/connect"}}),
      callers_(EverythingGranted()),
      recorder_(audit_, clock_, random_, false),
      authorizer_(state_, index_, clock_, recorder_),
      service_({clock_, random_, vault_health_, index_, remember_me_refusals_, state_, authorizer_,
                sessions_, hub_, store_, audit_, "/var/lib/billbroker/audit.jsonl", false}) {
  bill_.AnswerAtOnce();
  sessions_.SetWatcher(&hub_);
  vault_health_.Set(absl::OkStatus());
  index_.Reset(credentials_, {});
  (void)OpenNow(store_, *vault_.MasterKey());
  sessions_.Restore(MakeContents(SpentDevKey(*credentials_[1]), clock_));
  identity_.Bind(callers_.Of(kPrincipal));
}

// The callers that wait would keep the server from ending: they are answered once their credentials
// are gone.
ScaleBroker::~ScaleBroker() {
  for (int user = 1; user < kScaleUsers; user += 2) {
    index_.Remove(credentials_[static_cast<std::size_t>(user)]->name,
                  credentials_[static_cast<std::size_t>(user)]->uid);
  }
  channel_.reset();
  if (server_ != nullptr) {
    server_->Shutdown();
    server_->Wait();
  }
  threads_.reset();  // ends the work of the session manager before it is destroyed
}

void ScaleBroker::Ask(const std::string& organization_id) {
  SessionDemand demand;
  demand.patience = absl::InfiniteDuration();
  demand.principal = kPrincipal;
  sessions_.GetSession(organization_id, "", demand, [](const absl::StatusOr<SessionPtr>&) {});
}

absl::Status ScaleBroker::FillSlots() {
  for (int n = 0; n < slots_; n += 2) Ask(LiveOrganization(n / 2));
  const int live = slots_ / 2;
  const auto complete = [this, live] { return sessions_.Counts().live == live; };
  if (!Await(complete, "a session of each second organization", kFillTimeout)) {
    return absl::InternalError(
        absl::StrCat("only ", sessions_.Counts().live, " of ", live, " sessions are live"));
  }
  for (int n = 1; n < slots_; n += 2) Ask(billsim::GeneratedOrganizationId(n));
  for (int n = 1; n < slots_; ++n) Ask(WaitingOrganization());
  const SessionCounts counts = sessions_.Counts();
  if (counts.queued != slots_ - live || CountWaitingCallers() != slots_) {
    return absl::InternalError(absl::StrCat(counts.queued, " slots and ", CountWaitingCallers(),
                                            " callers of one slot wait"));
  }
  return absl::OkStatus();
}

absl::Status ScaleBroker::Serve() {
  const std::string socket = folder_.File("scale.sock");
  grpc::ServerBuilder builder;
  builder.SetContextAllocator(state_.MakeContexts(identity_));
  builder.RegisterService(&service_);
  builder.AddListeningPort(absl::StrCat("unix:", socket), grpc::InsecureServerCredentials());
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) return absl::InternalError("the server did not start");
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = ConnectSeparately(socket);
  if (!channel.ok()) return channel.status();
  channel_ = *std::move(channel);
  return absl::OkStatus();
}

std::string ScaleBroker::LiveOrganization(int number) const {
  return billsim::GeneratedOrganizationId(2 * (number % (slots_ / 2)));
}

std::string ScaleBroker::WaitingOrganization() { return billsim::GeneratedOrganizationId(1); }

int ScaleBroker::CountWaitingCallers() const {
  // The slot after the last one of organization 0.
  const std::vector<SlotInfo> first =
      sessions_.List(billsim::GeneratedOrganizationId(0), "user-0", 1);
  return first.empty() ? 0 : first.front().waiting_callers;
}

}  // namespace billbroker
