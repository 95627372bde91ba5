// TestEnvironment: everything that a broker needs, private to one test: a bus, a keyring, a
// simulated BILL, a configuration, and the built binaries.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/admin_client.h"
#include "client/credential_client.h"
#include "client/session_client.h"
#include "tests/simulator/bill_simulator.h"
#include "tests/support/child_process.h"
#include "tests/support/private_bus.h"
#include "tests/support/temp_folder.h"
#include "vault/base/error.h"

namespace billbroker {

// Names of the credentials that CreateAcme() and CreateBooks() create.
inline constexpr char kAcme[] = "acme-payables-user";
inline constexpr char kBooks[] = "accountants-books";

// The sample data of billsim.
inline constexpr char kPayables[] = "00801ACMEPAYABLES0001";
inline constexpr char kReceivables[] = "00801ACMERECEIVE00002";
inline constexpr char kBakery[] = "00801CLIENTBAKERY0003";
inline constexpr char kAcmeUser[] = "payables@acme.example";
inline constexpr char kAcmePassword[] = "correct-horse-battery";
inline constexpr char kAcmeDevKey[] = "devkey-acme-0001";
inline constexpr char kConsoleToken[] = "console-token-0001";
inline constexpr char kBakeryDevKey[] = "devkey-client-0001";

class TestEnvironment final {
 public:
  struct Options {
    PrivateBus::Start keyring = PrivateBus::Start::kBusAndUnlockedProvider;
    billsim::CertificateKind certificate = billsim::CertificateKind::kGood;
    bool http2 = false;  // BILL speaks HTTP/2 only
    absl::Duration bill_connect_timeout = absl::Seconds(1);
    absl::Duration bill_timeout = absl::Seconds(10);
    // Long enough that a keyring on a busy machine does not time out.
    absl::Duration keyring_timeout = absl::Seconds(10);
    std::string data{billsim::SampleData()};  // of the simulator
    absl::Duration drain_timeout = absl::Seconds(30);
    std::string config;   // more tables for the broker's configuration
    std::string program;  // replaces the built billbrokerd
  };
  struct Output {
    int exit_code = 0;
    std::string text;  // standard output and error

    // Returns the first JSON object in `text`, after any progress messages. Invalid JSON is a test
    // failure.
    [[nodiscard]] nlohmann::json Json() const;
  };

  TestEnvironment() : TestEnvironment(Options()) {}
  explicit TestEnvironment(const Options& options);

  // Starts billbrokerd, as an argument of `wrapper` if that is not empty, and blocks until its log
  // has the event "ready". Aborts if it does not become ready.
  void StartBroker(const std::vector<std::string>& wrapper = {});
  // Sends SIGTERM and returns the exit code.
  int StopBroker();
  void KillBroker();
  [[nodiscard]] ChildProcess& broker() { return *broker_; }

  // Creates kAcme: one user of two organizations.
  [[nodiscard]] absl::Status CreateAcme(absl::string_view password = kAcmePassword);
  // Returns kBooks: a console user of the bakery.
  [[nodiscard]] static NewCredential Books();
  [[nodiscard]] absl::Status CreateBooks();

  // Blocks until the keyring is ready and the broker could read every document.
  void AwaitReadyVault();

  [[nodiscard]] PrivateBus& bus() { return bus_; }
  [[nodiscard]] billsim::BillSimulator& bill() { return *bill_; }
  [[nodiscard]] SessionClient& sessions() { return *sessions_; }
  [[nodiscard]] AdminClient& admin() { return *admin_; }
  [[nodiscard]] CredentialClient& credentials() { return *credentials_; }
  [[nodiscard]] const std::string& socket() const { return socket_; }
  [[nodiscard]] std::string File(const std::string& name) const { return folder_.File(name); }
  // Returns the log of all brokers that StartBroker() has started.
  [[nodiscard]] std::string Log() const;
  // Returns how many lines of the log have this event, and these fields with these values.
  [[nodiscard]] int CountEvents(const std::string& event,
                                const nlohmann::json& fields = nlohmann::json::object()) const;
  // Returns "NAME=value" for child processes.
  [[nodiscard]] std::vector<std::string> environment() const { return bus_.environment(); }

  // Calls BILL with this session, which must have its devKey, and returns the HTTP status.
  [[nodiscard]] int UseAtBill(const ClientSession& session);
  // Returns how many sign-ins of a user BILL has seen, successful or not.
  [[nodiscard]] int SignIns(absl::string_view username = kAcmeUser);
  void FailNext(const nlohmann::json& fault);
  // Calls GetSession and returns the reason of its error. Returns nullopt if the call succeeds or
  // its error has no reason.
  [[nodiscard]] absl::optional<Reason> WhyNoSession(absl::string_view organization_id);

  // Runs `billbroker` on this broker's socket and waits for its end.
  [[nodiscard]] Output Cli(const std::vector<std::string>& arguments,
                           const std::string& standard_input = "") const;
  // The same over TCP, with the certificates of `client`.
  [[nodiscard]] Output CliOverTcp(const ClientOptions& client,
                                  const std::vector<std::string>& arguments) const;
  // Runs another billbrokerd and waits for its end.
  [[nodiscard]] Output RunBroker(const std::string& config_file) const;
  // Writes a configuration file and returns its path.
  std::string WriteConfig(const std::string& name, const std::string& state_dir,
                          const std::string& socket, const std::string& more = "") const;

 private:
  // Repeats the request while the audit log is not writable or the keyring times out: a test
  // machine may be busy. To expect such an error, call credentials().Create().
  absl::Status Create(const NewCredential& credential);
  [[nodiscard]] Output RunCli(std::vector<std::string> command,
                              const std::vector<std::string>& arguments,
                              const std::string& standard_input) const;

  TempFolder folder_;
  Options options_;
  PrivateBus bus_;
  std::unique_ptr<billsim::BillSimulator> bill_;
  std::string socket_;
  std::string config_;
  std::unique_ptr<ChildProcess> broker_;
  std::unique_ptr<SessionClient> sessions_;
  std::unique_ptr<AdminClient> admin_;
  std::unique_ptr<CredentialClient> credentials_;
};

}  // namespace billbroker
