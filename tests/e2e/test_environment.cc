#include "tests/e2e/test_environment.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/simulator/http.h"
#include "tests/support/await.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

std::string ReadFile(const std::string& path, std::streamoff from = 0) {
  std::ifstream in(path);
  in.seekg(from);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Returns true if the disk of the audit log or the keyring did not answer.
bool TimedOut(const absl::Status& status) {
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  if (!details.has_value()) return false;
  const auto state = details->metadata.find("vault_state");
  return details->reason == Reason::kAuditUnavailable ||
         (state != details->metadata.end() && state->second == "TIMED_OUT");
}

std::unique_ptr<billsim::BillSimulator> StartBill(const TestEnvironment::Options& environment) {
  billsim::BillSimulator::Options options;
  absl::StatusOr<billsim::Data> data = billsim::ParseData(environment.data);
  if (!data.ok()) {
    std::cerr << data.status() << "\n";
    std::abort();
  }
  options.data = *std::move(data);
  options.certificate = environment.certificate;
  options.http2 = environment.http2;
  absl::StatusOr<std::unique_ptr<billsim::BillSimulator>> bill =
      billsim::BillSimulator::Start(std::move(options));
  if (!bill.ok()) {
    std::cerr << bill.status() << "\n";
    std::abort();
  }
  return *std::move(bill);
}

}  // namespace

TestEnvironment::TestEnvironment(const Options& options)
    : options_(options),
      bus_(options.keyring),
      bill_(StartBill(options)),
      socket_(folder_.File("b.sock")) {
  config_ = WriteConfig("broker.toml", folder_.File("state"), socket_, options.config);
  ClientOptions client;
  client.address = absl::StrCat("unix:", socket_);
  const auto channel = OpenChannel(client);
  if (!channel.ok()) std::abort();
  sessions_ = std::make_unique<SessionClient>(*channel, client);
  admin_ = std::make_unique<AdminClient>(*channel, client);
  credentials_ = std::make_unique<CredentialClient>(*channel, client);
}

std::string TestEnvironment::WriteConfig(const std::string& name, const std::string& state_dir,
                                         const std::string& socket, const std::string& more) const {
  const std::string path = folder_.File(name);
  const std::string policy = folder_.File("policy.toml");
  std::ofstream(policy) << "[limits]\ncalls_per_second = 1000000\ncalls_in_flight = 1000000\n"
                        << "watches = 1000000\nwatched_organizations = 10000000\n"
                        << "[[principal]]\nname = \"unix:test\"\nusers = [\"" << ::geteuid()
                        << "\"]\n[[grant]]\nprincipals = [\"unix:test\"]\nrole = \"admin\"\n"
                        << "organizations = [\"*\"]\n";
  ::chmod(policy.c_str(), 0600);
  std::ofstream(path) << "drain_timeout = \"" << absl::FormatDuration(options_.drain_timeout)
                      << "\"\nstate_dir = \"" << state_dir << "\"\npolicy_file = \"" << policy
                      << "\"\n"
                      << "[[listener]]\nunix = \"" << socket << "\"\n"
                      << "[environments.sandbox]\nbase_url = \"" << bill_->base_url()
                      << "\"\nca_file = \"" << bill_->ca_file() << "\"\n"
                      << "[keyring]\ntimeout = \"" << absl::FormatDuration(options_.keyring_timeout)
                      << "\"\n"
                      << "[bill]\nconnect_timeout = \""
                      << absl::FormatDuration(options_.bill_connect_timeout) << "\"\ntimeout = \""
                      << absl::FormatDuration(options_.bill_timeout) << "\"\n"
                      << "[session]\nfirst_backoff = \"50ms\"\nlongest_backoff = \"100ms\"\n"
                      << more;
  ::chmod(path.c_str(), 0600);
  return path;
}

void TestEnvironment::StartBroker(const std::vector<std::string>& wrapper) {
  const auto before = static_cast<std::streamoff>(Log().size());
  const std::string program = options_.program.empty() ? BILLBROKERD_PROGRAM : options_.program;
  std::vector<std::string> command = wrapper;
  for (const std::string& part : {program, std::string("--config"), config_}) {
    command.push_back(part);
  }
  broker_ = std::make_unique<ChildProcess>(
      ChildOptions{std::move(command), bus_.environment(), "", folder_.File("broker.log")});
  const auto is_ready = [&] {
    const std::string log = ReadFile(folder_.File("broker.log"), before);
    return absl::StrContains(log, "\"event\":\"ready\"");
  };
  if (!Await(is_ready, "billbrokerd to be ready")) {
    std::cerr << "billbrokerd is not ready:\n" << Log();
    std::abort();
  }
}

int TestEnvironment::StopBroker() {
  broker_->Signal(SIGTERM);
  return broker_->Wait();
}

void TestEnvironment::KillBroker() {
  broker_->Signal(SIGKILL);
  broker_->Wait();
}

std::string TestEnvironment::Log() const { return ReadFile(folder_.File("broker.log")); }

int TestEnvironment::CountEvents(const std::string& event, const nlohmann::json& fields) const {
  int count = 0;
  std::istringstream log(Log());
  for (std::string line; std::getline(log, line);) {
    const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || json.value("event", "") != event) continue;
    bool matches = true;
    for (const auto& [key, value] : fields.items()) {
      matches = matches && json.contains(key) && json[key] == value;
    }
    count += matches ? 1 : 0;
  }
  return count;
}

nlohmann::json TestEnvironment::Output::Json() const {
  const std::size_t begin = std::min(text.find('{'), text.size());
  std::istringstream in(text.substr(begin));
  nlohmann::json json;
  try {
    in >> json;
  } catch (const nlohmann::json::parse_error&) {
    ADD_FAILURE() << "not valid JSON: " << text;
  }
  return json;
}

absl::Status TestEnvironment::Create(const NewCredential& credential) {
  absl::Status created;
  Await(
      [&] {
        created = credentials_->Create(credential).status();
        return !TimedOut(created);
      },
      "the disk and the keyring to answer");
  return created;
}

void TestEnvironment::AwaitReadyVault() {
  Await(
      [&] {
        const absl::StatusOr<v1::GetStatusResponse> status = admin_->GetStatus();
        return status.ok() && status->vault().state() == v1::VAULT_STATE_READY &&
               status->vault().invalid_documents().empty();
      },
      "the broker to be ready");
}

absl::Status TestEnvironment::CreateAcme(absl::string_view password) {
  NewCredential acme;
  acme.name = kAcme;
  acme.environment = "sandbox";
  acme.username = kAcmeUser;
  acme.dev_key = SecretString::CopyOf(kAcmeDevKey);
  acme.password = SecretString::CopyOf(password);
  acme.organizations.push_back({kPayables, {}});
  acme.organizations.push_back({kReceivables, {}});
  return Create(acme);
}

NewCredential TestEnvironment::Books() {
  NewCredential books;
  books.name = kBooks;
  books.environment = "sandbox";
  books.kind = v1::CREDENTIAL_KIND_CONSOLE;
  books.username = "books@accountants.example";
  books.console_api_token = SecretString::CopyOf(kConsoleToken);
  books.organizations.push_back({kBakery, SecretString::CopyOf(kBakeryDevKey)});
  return books;
}

absl::Status TestEnvironment::CreateBooks() { return Create(Books()); }

int TestEnvironment::UseAtBill(const ClientSession& session) {
  return bill_->model()
      .Handle({"GET",
               "/v3/organizations/" + session.organization_id,
               {{"sessionid", std::string(session.session_id.Reveal())},
                {"devkey", std::string(session.dev_key.Reveal())}},
               {},
               ""})
      .status;
}

int TestEnvironment::SignIns(absl::string_view username) {
  const nlohmann::json counts = bill_->model().CountsJson();
  const auto user = counts["users"].find(std::string(username));
  if (user == counts["users"].end()) return 0;
  return (*user)["sign_ins_succeeded"].get<int>() + (*user)["sign_ins_failed"].get<int>();
}

void TestEnvironment::FailNext(const nlohmann::json& fault) {
  const absl::StatusOr<int> planned = bill_->faults().Add(fault);
  if (!planned.ok()) {
    std::cerr << planned.status() << "\n";
    std::abort();
  }
}

absl::optional<Reason> TestEnvironment::WhyNoSession(absl::string_view organization_id) {
  const absl::optional<ErrorDetails> details =
      DetailsOf(sessions_->GetSession(organization_id).status());
  if (!details.has_value()) return absl::nullopt;
  return details->reason;
}

TestEnvironment::Output TestEnvironment::Cli(const std::vector<std::string>& arguments,
                                             const std::string& standard_input) const {
  return RunCli({BILLBROKER_PROGRAM, "--socket", socket_}, arguments, standard_input);
}

TestEnvironment::Output TestEnvironment::CliOverTcp(
    const ClientOptions& client, const std::vector<std::string>& arguments) const {
  return RunCli(
      {BILLBROKER_PROGRAM, "--address", client.address, "--ca-file", client.tls.ca_file,
       "--certificate-file", client.tls.certificate_file, "--key-file", client.tls.key_file},
      arguments, "");
}

TestEnvironment::Output TestEnvironment::RunCli(std::vector<std::string> command,
                                                const std::vector<std::string>& arguments,
                                                const std::string& standard_input) const {
  command.insert(command.end(), arguments.begin(), arguments.end());
  const TempFolder folder;
  ChildProcess cli({command, bus_.environment(), standard_input, folder.File("output")});
  const int exit_code = cli.Wait();
  return {exit_code, ReadFile(folder.File("output"))};
}

TestEnvironment::Output TestEnvironment::RunBroker(const std::string& config_file) const {
  const TempFolder folder;
  ChildProcess broker({{BILLBROKERD_PROGRAM, "--config", config_file},
                       bus_.environment(),
                       "",
                       folder.File("output")});
  const int exit_code = broker.Wait();
  return {exit_code, ReadFile(folder.File("output"))};
}

}  // namespace billbroker
