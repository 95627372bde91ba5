// House: all that a running broker needs, of a test's own: bus, keyring, BILL, configuration, and
// the built binaries.
#pragma once

#include <functional>
#include <memory>
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

// Polls until `holds` or twenty seconds have passed; returns whether it held.
[[nodiscard]] bool Eventually(const std::function<bool()>& holds);

// The sample of billsim.
inline constexpr char kPayables[] = "00801ACMEPAYABLES0001";
inline constexpr char kReceivables[] = "00801ACMERECEIVE00002";
inline constexpr char kBakery[] = "00801CLIENTBAKERY0003";
inline constexpr char kAcmeUser[] = "payables@acme.example";
inline constexpr char kAcmePassword[] = "correct-horse-battery";
inline constexpr char kAcmeDevKey[] = "devkey-acme-0001";
inline constexpr char kConsoleToken[] = "console-token-0001";
inline constexpr char kBakeryDevKey[] = "devkey-client-0001";

class House final {
 public:
  struct Options {
    PrivateBus::Start keyring = PrivateBus::Start::kBusAndUnlockedProvider;
    billsim::CertificateKind certificate = billsim::CertificateKind::kGood;
    bool http2 = false;  // BILL speaks HTTP/2 only
    absl::Duration bill_connect_timeout = absl::Seconds(1);
    absl::Duration bill_timeout = absl::Seconds(10);
    // So long that a busy machine is not taken for a keyring that hangs.
    absl::Duration keyring_timeout = absl::Seconds(10);
    std::string data{billsim::SampleData()};  // of the simulator
    std::string config;                       // more of the broker's, tables of its own
    std::string program;                      // in place of the built billbrokerd
  };
  struct Output {
    int exit_code = 0;
    std::string text;  // standard output and error
  };

  House() : House(Options()) {}
  explicit House(const Options& options);

  // Starts billbrokerd, as an argument of `wrapper` where there is one, and waits until it says
  // that it is ready.
  void StartBroker(const std::vector<std::string>& wrapper = {});
  // SIGTERM; returns the exit code.
  int StopBroker();
  void KillBroker();
  [[nodiscard]] ChildProcess& broker() { return *broker_; }

  // Credential "acme": one user of two organizations. "books": a console user of the bakery.
  [[nodiscard]] absl::Status CreateAcme(absl::string_view password = kAcmePassword);
  [[nodiscard]] absl::Status CreateBooks();

  [[nodiscard]] PrivateBus& bus() { return bus_; }
  [[nodiscard]] billsim::BillSimulator& bill() { return *bill_; }
  [[nodiscard]] SessionClient& sessions() { return *sessions_; }
  [[nodiscard]] AdminClient& admin() { return *admin_; }
  [[nodiscard]] CredentialClient& credentials() { return *credentials_; }
  [[nodiscard]] const std::string& socket() const { return socket_; }
  [[nodiscard]] std::string File(const std::string& name) const { return folder_.File(name); }
  [[nodiscard]] std::string Log() const;
  // "NAME=value" for child processes.
  [[nodiscard]] std::vector<std::string> environment() const { return bus_.environment(); }

  // The HTTP status of an ordinary BILL call with this session, which came with its devKey.
  [[nodiscard]] int UseAtBill(const ClientSession& session);
  // Sign-ins that BILL saw of a user, answered well or not.
  [[nodiscard]] int SignIns(absl::string_view username = kAcmeUser);
  void FailNext(const nlohmann::json& fault);
  // Why GetSession fails; nullopt where it does not, or gRPC itself failed.
  [[nodiscard]] absl::optional<Reason> WhyNoSession(absl::string_view organization_id);

  // Runs `billbroker` on this broker's socket to its end.
  [[nodiscard]] Output Cli(const std::vector<std::string>& arguments,
                           const std::string& standard_input = "") const;
  // The same over TCP, with the certificates of `client`.
  [[nodiscard]] Output CliOverTcp(const ClientOptions& client,
                                  const std::vector<std::string>& arguments) const;
  // Runs a second billbrokerd with other listener or state folder to its end.
  [[nodiscard]] Output RunBroker(const std::string& config_file) const;
  // Writes a configuration and returns its path.
  std::string WriteConfig(const std::string& name, const std::string& state_dir,
                          const std::string& socket, const std::string& more = "") const;

 private:
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
