#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "client/mfa_client.h"
#include "tests/bench/bench_environment.h"
#include "tests/bench/benches.h"
#include "tests/bench/memory_scan.h"
#include "tests/e2e/tls_setup.h"

#ifndef BILLBROKERD_UNWIPED_PROGRAM
#define BILLBROKERD_UNWIPED_PROGRAM ""
#endif

namespace billbroker {
namespace {

constexpr absl::Duration kAfterLastCall = absl::Seconds(2);
constexpr char kCode[] = "123456";
constexpr char kDevice[] = "residue-device";
// An allocator overwrites the first bytes of a freed block with its lists, and the rest of a secret
// would still be there. So the search skips the first bytes of each secret.
constexpr std::size_t kCut = 16;

struct Planted {
  std::string kind;
  std::string text;
};

bool IsConsole(int n) { return n % 5 == 4; }
std::string OrganizationId(int n) { return absl::StrFormat("00801RESIDUE%08d", n); }
std::string Username(int n) { return absl::StrFormat("residue-%d@example.com", n); }
std::string CredentialName(int n) { return absl::StrCat("residue-", n); }
std::string DevKey(int n) { return absl::StrFormat("residue.dev.key.D%04d-6f2c9a7e41", n); }

// Returns a secret with characters that JSON escapes.
std::string Secret(char kind, int n, int version) {
  return absl::StrFormat("residue.planted.%c%04d/%d \"in\\quotes\" \xc3\xa9t\xc3\xa9 6f2c9a7e41",
                         kind, n, version);
}
std::string UserSecret(int n, int version) { return Secret(IsConsole(n) ? 'T' : 'P', n, version); }
std::string UserSecretKind(int n) { return IsConsole(n) ? "consoleApiToken" : "password"; }

// Returns the forms to search for: plain UTF-8, and JSON with the common escapes and the broker's.
std::vector<std::string> FormsOf(const std::string& text) {
  const auto inside = [](const std::string& quoted) { return quoted.substr(1, quoted.size() - 2); };
  const nlohmann::json json = text;
  std::vector<std::string> forms = {text};
  for (const std::string& form :
       {inside(json.dump()), inside(json.dump(-1, ' ', true)),
        absl::StrReplaceAll(text, {{"\"", "\\u0022"}, {"\\", "\\u005c"}})}) {
    if (std::find(forms.begin(), forms.end(), form) == forms.end()) forms.push_back(form);
  }
  for (std::string& form : forms) form.erase(0, std::min(kCut, form.size() / 2));
  return forms;
}

TestEnvironment::Options WorldOf(int credentials, const std::string& program,
                                 const TlsSetup& tls_setup) {
  nlohmann::json data;
  for (int n = 0; n < credentials; ++n) {
    data["dev_keys"].push_back({{"key", DevKey(n)}});
    data["organizations"].push_back(
        {{"id", OrganizationId(n)}, {"name", "Residue"}, {"dev_keys", {DevKey(n)}}});
    data["users"].push_back(
        {{"username", Username(n)},
         {"kind", IsConsole(n) ? "console" : "user"},
         {IsConsole(n) ? "console_api_token" : "password", UserSecret(n, 1)},
         {"user_id", absl::StrFormat("00601RESIDUE%08d", n)},
         {"organizations", {OrganizationId(n)}},
         {"mfa", {{"enrolled", true}, {"phone", "+1 555 0100"}, {"token", kCode}}}});
  }
  TestEnvironment::Options options;
  options.data = data.dump();
  options.program = program;
  options.config = tls_setup.Config("\"session\", \"credential\", \"mfa\"");
  // Long enough for a machine that is busy with other tests.
  options.keyring_timeout = options.bill_connect_timeout = options.bill_timeout = absl::Seconds(30);
  return options;
}

NewCredential FirstVersion(int n) {
  NewCredential credential;
  credential.name = CredentialName(n);
  credential.environment = "sandbox";
  credential.username = Username(n);
  credential.remember_me_id = SecretString::CopyOf(Secret('R', n, 1));
  credential.device = kDevice;
  SecretString secret = SecretString::CopyOf(UserSecret(n, 1));
  if (IsConsole(n)) {
    credential.kind = v1::CREDENTIAL_KIND_CONSOLE;
    credential.console_api_token = std::move(secret);
    credential.organizations.push_back({OrganizationId(n), SecretString::CopyOf(DevKey(n))});
  } else {
    credential.dev_key = SecretString::CopyOf(DevKey(n));
    credential.password = std::move(secret);
    credential.organizations.push_back({OrganizationId(n), {}});
  }
  return credential;
}

// Does the work of an operator, on one connection, which ends with this object.
class Operator final {
 public:
  Operator(TestEnvironment& env, const std::shared_ptr<grpc::Channel>& channel)
      : env_(env), credentials_(channel), sessions_(channel), admin_(channel), mfa_(channel) {}

  // Creates credential `n`, signs in, tries to rotate to a wrong secret, rotates to the right one,
  // and renews MFA.
  absl::Status RunLifecycle(int n) {
    const auto created = credentials_.Create(FirstVersion(n));
    if (!created.ok()) return created.status();
    const auto session = sessions_.GetSession(OrganizationId(n));
    if (!session.ok()) return session.status();
    if (!HasReason(Rotate(n, 2), Reason::kCredentialRejected)) {
      return absl::InternalError("BILL accepted a wrong secret");
    }
    absl::Status status = env_.bill().model().ChangeUser(
        Username(n), {{IsConsole(n) ? "console_api_token" : "password", UserSecret(n, 3)}});
    status.Update(Rotate(n, 3));
    if (!status.ok()) return status;
    const auto challenge = mfa_.StartChallenge(CredentialName(n));
    if (!challenge.ok()) return challenge.status();
    return mfa_.CompleteChallenge(challenge->challenge_id(), SecretString::CopyOf(kCode)).status();
  }

  absl::StatusOr<std::string> SessionId(int n) {
    const auto session = sessions_.GetSession(OrganizationId(n));
    if (!session.ok()) return session.status();
    return std::string(session->session_id.Reveal());
  }

  absl::Status Logout(int n) { return admin_.Logout(OrganizationId(n)).status(); }

 private:
  absl::Status Rotate(int n, int version) {
    const auto before = credentials_.Get(CredentialName(n));
    if (!before.ok()) return before.status();
    CredentialRotation rotation;
    (IsConsole(n) ? rotation.console_api_token : rotation.password) =
        SecretString::CopyOf(UserSecret(n, version));
    return credentials_.Rotate(VersionOf(*before), rotation).status();
  }

  TestEnvironment& env_;
  CredentialClient credentials_;
  SessionClient sessions_;
  AdminClient admin_;
  MfaClient mfa_;
};

// Returns the rememberMeIds that BILL issued, from the keyring: no call of the broker returns them.
std::vector<Planted> StoredRememberMeIds(TestEnvironment& env) {
  const std::string found =
      env.bus().Run({"secret-tool", "search", "--all", "instance", "default"});
  std::vector<Planted> ids;
  for (absl::string_view line : absl::StrSplit(found, '\n')) {
    if (!absl::ConsumePrefix(&line, "secret = ")) continue;
    const auto document = nlohmann::json::parse(line, nullptr, false);
    if (!document.is_object() || !document.contains("remember_me_id")) continue;
    ids.push_back({"rememberMeId", document["remember_me_id"].get<std::string>()});
  }
  return ids;
}

// Returns how many copies of `planted` are in the memory of the broker, by kind. Stops the broker
// for that time.
absl::StatusOr<std::map<std::string, int>> Scan(TestEnvironment& env,
                                                const std::vector<Planted>& planted) {
  std::vector<std::string> kinds;
  std::vector<std::string> texts;
  for (const Planted& secret : planted) {
    for (std::string& form : FormsOf(secret.text)) {
      kinds.push_back(secret.kind);
      texts.push_back(std::move(form));
    }
  }
  env.broker().Signal(SIGSTOP);
  const absl::StatusOr<std::vector<int>> counts = CountInMemory(env.broker().pid(), texts);
  env.broker().Signal(SIGCONT);
  if (!counts.ok()) return counts.status();
  std::map<std::string, int> by_kind;
  for (std::size_t i = 0; i < counts->size(); ++i) by_kind[kinds[i]] += (*counts)[i];
  return by_kind;
}

int Sum(const std::map<std::string, int>& by_kind) {
  int sum = 0;
  for (const auto& [kind, count] : by_kind) sum += count;
  return sum;
}

void PrintCounts(absl::string_view title, absl::string_view when,
                 const std::map<std::string, int>& by_kind) {
  std::string line = absl::StrCat(title, ", ", when, ":");
  for (const auto& [kind, count] : by_kind) absl::StrAppend(&line, " ", kind, " ", count);
  Say(line);
}

struct AllPlanted {
  std::vector<Planted> secrets;  // must be gone after their use
  std::vector<Planted> keys;     // of live sessions: must be gone after their sign-out
};

// Uses half of the credentials over the Unix socket, and half with mutual TLS.
absl::StatusOr<AllPlanted> UseCredentials(TestEnvironment& env, const ClientOptions& tls,
                                          int credentials) {
  const auto local = ConnectTo(env.socket());
  if (!local.ok()) return local.status();
  const auto remote = OpenChannel(tls);
  if (!remote.ok()) return remote.status();
  Operator people[] = {Operator(env, *local), Operator(env, *remote)};
  AllPlanted planted;
  for (int n = 0; n < credentials; ++n) {
    Operator& person = people[n % 2];
    if (absl::Status status = person.RunLifecycle(n); !status.ok()) return status;
    for (const int version : {1, 2, 3}) {
      planted.secrets.push_back({UserSecretKind(n), UserSecret(n, version)});
    }
    planted.secrets.push_back({"rememberMeId", Secret('R', n, 1)});
    absl::StatusOr<std::string> session_id = person.SessionId(n);
    if (!session_id.ok()) return session_id.status();
    planted.keys.push_back({"sessionId", *std::move(session_id)});
    planted.keys.push_back({"devKey", DevKey(n)});
  }
  return planted;
}

absl::Status SignOutAll(TestEnvironment& env, int credentials) {
  const auto channel = ConnectTo(env.socket());
  if (!channel.ok()) return channel.status();
  Operator person(env, *channel);
  for (int n = 0; n < credentials; ++n) {
    if (absl::Status status = person.Logout(n); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// Scans after two seconds. Repeats that up to `scans` times while a secret is found, because a busy
// machine may be late.
absl::StatusOr<std::map<std::string, int>> ScanLater(TestEnvironment& env,
                                                     const std::vector<Planted>& planted,
                                                     int scans) {
  while (true) {
    absl::SleepFor(kAfterLastCall);
    absl::StatusOr<std::map<std::string, int>> found = Scan(env, planted);
    if (!found.ok() || --scans == 0 || Sum(*found) == 0) return found;
  }
}

struct ResidueRun {
  std::string title;
  std::string program;  // empty for the built billbrokerd
  int credentials = 0;
  int scans = 1;
};

// Plants secrets, waits and scans; then signs out, waits and scans again. Returns the number of
// copies.
absl::StatusOr<int> Residue(const ResidueRun& run) {
  TlsSetup tls_setup;
  TestEnvironment env(WorldOf(run.credentials, run.program, tls_setup));
  std::ofstream(env.File("policy.toml"), std::ios::app)
      << "[[grant]]\nprincipals = [\"cn:operator\"]\nrole = \"admin\"\norganizations = [\"*\"]\n";
  env.StartBroker();
  const ClientOptions tls = tls_setup.ClientOf(env, tls_setup.pki().Issue({"operator", ""}));
  absl::StatusOr<AllPlanted> planted = UseCredentials(env, tls, run.credentials);
  if (!planted.ok()) return planted.status();
  const std::vector<Planted> given = StoredRememberMeIds(env);
  if (given.size() != static_cast<std::size_t>(run.credentials)) {
    return absl::InternalError("the keyring does not have a rememberMeId for each credential");
  }
  planted->secrets.insert(planted->secrets.end(), given.begin(), given.end());
  const auto after_use = ScanLater(env, planted->secrets, run.scans);
  if (!after_use.ok()) return after_use.status();
  const auto live = Scan(env, planted->keys);
  if (!live.ok()) return live.status();
  if (absl::Status status = SignOutAll(env, run.credentials); !status.ok()) return status;
  const auto after_sign_out = ScanLater(env, planted->keys, run.scans);
  if (!after_sign_out.ok()) return after_sign_out.status();

  PrintCounts(run.title, "keys of live sessions (allowed)", *live);
  PrintCounts(run.title, "2 s after the last use", *after_use);
  PrintCounts(run.title, "2 s after sign-out", *after_sign_out);
  return Sum(*after_use) + Sum(*after_sign_out);
}

}  // namespace

absl::StatusOr<Figures> BenchResidue(const BenchOptions& options) {
  const std::string unwiped_program = BILLBROKERD_UNWIPED_PROGRAM;
  if (unwiped_program.empty()) {
    return absl::FailedPreconditionError(
        "this build does not wipe freed memory: it has a sanitizer or BILLBROKER_WIPE_FREED=OFF");
  }
  ResidueRun run = {"wiping", "", options.quick ? 3 : 50, options.quick ? 5 : 1};
  const absl::StatusOr<int> wiped = Residue(run);
  if (!wiped.ok()) return wiped.status();
  run = {"not wiping", unwiped_program, run.credentials, 1};
  const absl::StatusOr<int> unwiped = Residue(run);
  if (!unwiped.ok()) return unwiped.status();
  if (*unwiped == 0)
    return absl::InternalError("no secret was found without wiping: the scan does not work");
  return Figures{{"residue", *wiped}, {"residue_unwiped", *unwiped}};
}

}  // namespace billbroker
