#include "tests/e2e/house.h"

#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/simulator/http.h"
#include "vault/base/clock.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr std::chrono::milliseconds kPollInterval(10);

std::string ReadFile(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::unique_ptr<billsim::BillSimulator> StartBill(const House::Options& house) {
  billsim::BillSimulator::Options options;
  absl::StatusOr<billsim::Data> data = billsim::ParseData(house.data);
  if (!data.ok()) {
    std::cerr << data.status() << "\n";
    std::abort();
  }
  options.data = *std::move(data);
  options.certificate = house.certificate;
  options.http2 = house.http2;
  absl::StatusOr<std::unique_ptr<billsim::BillSimulator>> bill =
      billsim::BillSimulator::Start(std::move(options));
  if (!bill.ok()) {
    std::cerr << bill.status() << "\n";
    std::abort();
  }
  return *std::move(bill);
}

}  // namespace

bool Eventually(const std::function<bool()>& holds) {
  const SystemClock clock;
  const absl::Duration end = clock.SinceBoot() + kPatience;
  while (clock.SinceBoot() < end) {
    if (holds()) return true;
    std::this_thread::sleep_for(kPollInterval);
  }
  return false;
}

House::House(const Options& options)
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

std::string House::WriteConfig(const std::string& name, const std::string& state_dir,
                               const std::string& socket, const std::string& more) const {
  const std::string path = folder_.File(name);
  const std::string policy = folder_.File("policy.toml");
  std::ofstream(policy) << "[limits]\ncalls_per_second = 1000000\ncalls_in_flight = 1000000\n"
                        << "[[principal]]\nname = \"unix:test\"\nusers = [\"" << ::geteuid()
                        << "\"]\n[[grant]]\nprincipals = [\"unix:test\"]\nrole = \"admin\"\n"
                        << "organizations = [\"*\"]\n";
  ::chmod(policy.c_str(), 0600);
  std::ofstream(path) << "state_dir = \"" << state_dir << "\"\npolicy_file = \"" << policy << "\"\n"
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

void House::StartBroker(const std::vector<std::string>& wrapper) {
  const std::string before = Log();
  const std::string program = options_.program.empty() ? BILLBROKERD_PROGRAM : options_.program;
  std::vector<std::string> command = wrapper;
  for (const std::string& part : {program, std::string("--config"), config_}) {
    command.push_back(part);
  }
  broker_ = std::make_unique<ChildProcess>(
      ChildOptions{std::move(command), bus_.environment(), "", folder_.File("broker.log")});
  const bool ready = Eventually([&] {
    return absl::StrContains(absl::string_view(Log()).substr(before.size()), "\"event\":\"ready\"");
  });
  if (!ready) {
    std::cerr << "billbrokerd did not become ready:\n" << Log();
    std::abort();
  }
}

int House::StopBroker() {
  broker_->Signal(SIGTERM);
  return broker_->Wait();
}

void House::KillBroker() {
  broker_->Signal(SIGKILL);
  broker_->Wait();
}

std::string House::Log() const { return ReadFile(folder_.File("broker.log")); }

absl::Status House::CreateAcme(absl::string_view password) {
  NewCredential acme;
  acme.name = "acme";
  acme.environment = "sandbox";
  acme.username = kAcmeUser;
  acme.dev_key = SecretString::CopyOf(kAcmeDevKey);
  acme.password = SecretString::CopyOf(password);
  acme.organizations.push_back({kPayables, {}});
  acme.organizations.push_back({kReceivables, {}});
  return credentials_->Create(acme).status();
}

absl::Status House::CreateBooks() {
  NewCredential books;
  books.name = "books";
  books.environment = "sandbox";
  books.kind = v1::CREDENTIAL_KIND_CONSOLE;
  books.username = "books@accountants.example";
  books.console_api_token = SecretString::CopyOf(kConsoleToken);
  books.organizations.push_back({kBakery, SecretString::CopyOf(kBakeryDevKey)});
  return credentials_->Create(books).status();
}

int House::UseAtBill(const ClientSession& session) {
  return bill_->model()
      .Handle({"GET",
               "/v3/organizations/" + session.organization_id,
               {{"sessionid", std::string(session.session_id.Reveal())},
                {"devkey", std::string(session.dev_key.Reveal())}},
               {},
               ""})
      .status;
}

int House::SignIns(absl::string_view username) {
  const nlohmann::json counts = bill_->model().CountsJson();
  const auto user = counts["users"].find(std::string(username));
  if (user == counts["users"].end()) return 0;
  return (*user)["sign_ins_succeeded"].get<int>() + (*user)["sign_ins_failed"].get<int>();
}

void House::FailNext(const nlohmann::json& fault) {
  const absl::StatusOr<int> planned = bill_->faults().Add(fault);
  if (!planned.ok()) {
    std::cerr << planned.status() << "\n";
    std::abort();
  }
}

absl::optional<Reason> House::WhyNoSession(absl::string_view organization_id) {
  const absl::optional<ErrorDetails> details =
      DetailsOf(sessions_->GetSession(organization_id).status());
  if (!details.has_value()) return absl::nullopt;
  return details->reason;
}

House::Output House::Cli(const std::vector<std::string>& arguments,
                         const std::string& standard_input) const {
  return RunCli({BILLBROKER_PROGRAM, "--socket", socket_}, arguments, standard_input);
}

House::Output House::CliOverTcp(const ClientOptions& client,
                                const std::vector<std::string>& arguments) const {
  return RunCli(
      {BILLBROKER_PROGRAM, "--address", client.address, "--ca-file", client.tls.ca_file,
       "--certificate-file", client.tls.certificate_file, "--key-file", client.tls.key_file},
      arguments, "");
}

House::Output House::RunCli(std::vector<std::string> command,
                            const std::vector<std::string>& arguments,
                            const std::string& standard_input) const {
  command.insert(command.end(), arguments.begin(), arguments.end());
  const TempFolder folder;
  ChildProcess cli({command, bus_.environment(), standard_input, folder.File("output")});
  const int exit_code = cli.Wait();
  return {exit_code, ReadFile(folder.File("output"))};
}

House::Output House::RunBroker(const std::string& config_file) const {
  const TempFolder folder;
  ChildProcess broker({{BILLBROKERD_PROGRAM, "--config", config_file},
                       bus_.environment(),
                       "",
                       folder.File("output")});
  const int exit_code = broker.Wait();
  return {exit_code, ReadFile(folder.File("output"))};
}

}  // namespace billbroker
