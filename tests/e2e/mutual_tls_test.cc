// The TCP listener of a running broker: which certificates it accepts, and the replacement of
// certificates under load.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "tests/e2e/test_environment.h"
#include "tests/e2e/tls_setup.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kPayments[] = "spiffe://corp.example/payments";
// The administrator, who connects over the Unix socket. No certificate may get this name.
constexpr char kLocalAdmin[] = "unix:test";

std::string Content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class MutualTlsE2eTest : public ::testing::Test {
 protected:
  MutualTlsE2eTest() : env_(Options()) {
    std::ofstream(env_.File("policy.toml"), std::ios::app)
        << "[[grant]]\nprincipals = [\"" << kPayments
        << "\"]\nrole = \"reader\"\norganizations = [\"" << kPayables << "\"]\n";
    env_.StartBroker();
    EXPECT_THAT(env_.CreateAcme(), IsOk());
    EXPECT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  }

  TestEnvironment::Options Options() const {
    TestEnvironment::Options options;
    options.config = tls_.Config("\"session\"");
    return options;
  }

  [[nodiscard]] ClientOptions OptionsOf(const Pki::Pair& client) {
    return tls_.ClientOf(env_, client);
  }
  std::unique_ptr<SessionClient> Connect(const ClientOptions& options) {
    absl::StatusOr<std::unique_ptr<SessionClient>> client = SessionClient::Connect(options);
    EXPECT_THAT(client, IsOk());
    return *std::move(client);
  }
  absl::Status Ask(const Pki::Pair& client, absl::string_view organization = kPayables) {
    return Connect(OptionsOf(client))->GetSession(organization).status();
  }
  grpc::Status AskWith(const std::shared_ptr<grpc::ChannelCredentials>& credentials) const {
    const auto stub =
        v1::SessionService::NewStub(grpc::CreateChannel(TlsSetup::AddressOf(env_), credentials));
    grpc::ClientContext context;
    v1::GetSessionRequest request;
    request.set_organization_id(kPayables);
    v1::GetSessionResponse response;
    return stub->GetSession(&context, request, &response);
  }

  // Returns whether the openssl command can complete a handshake of this version.
  bool Handshakes(const std::string& version, const Pki::Pair& client) {
    const std::string output = tls_.File("s_client" + version);
    ChildProcess openssl({{"openssl", "s_client", version, "-cipher", "DEFAULT@SECLEVEL=0",
                           "-connect", TlsSetup::AddressOf(env_), "-CAfile", pki_.Ca(), "-cert",
                           client.certificate, "-key", client.key},
                          {},
                          "",
                          output});
    openssl.Wait();
    return absl::StrContains(Content(output), "Verify return code: 0 (ok)") &&
           !absl::StrContains(Content(output), "Cipher is (NONE)");
  }

  void AwaitEvents(const std::string& event, int count) {
    Await([&] { return env_.CountEvents(event) >= count; }, absl::StrCat(count, " ", event));
  }

  TlsSetup tls_;
  Pki& pki_ = tls_.pki();
  TestEnvironment env_;
};

TEST_F(MutualTlsE2eTest, CertificateHasTheGrantsOfItsName) {
  const Pki::Pair client = pki_.Issue({"x", absl::StrCat("URI:", kPayments)});
  const auto sessions = Connect(OptionsOf(client));
  EXPECT_THAT(sessions->GetSession(kPayables), IsOk());
  EXPECT_THAT(sessions->GetSession(kReceivables), HasReason(Reason::kNotGranted));
  EXPECT_THAT(sessions->GetSession("00801UNKNOWNORGANIZATION"), HasReason(Reason::kNotGranted));
  EXPECT_THAT(sessions->GetSession(kPayables, {.include_dev_key = true}),
              HasReason(Reason::kNotGranted))
      << "a reader may not have the devKey";
  AdminClient admin(*OpenChannel(OptionsOf(client)));
  EXPECT_THAT(admin.Logout(kPayables), HasReason(Reason::kNotGranted));
  CredentialClient credentials(*OpenChannel(OptionsOf(client)));
  EXPECT_THAT(credentials.Get(kAcme), StatusIs(absl::StatusCode::kUnimplemented))
      << "the listener offers the session service only";
}

TEST_F(MutualTlsE2eTest, AuditNamesPrincipalAndSerial) {
  const Pki::Pair client = pki_.Issue({"x", absl::StrCat("URI:", kPayments)});
  EXPECT_THAT(Ask(client, kReceivables), HasReason(Reason::kNotGranted));

  std::string serial =
      pki_.Print(client.certificate, "-serial").substr(std::string("serial=").size());
  serial.pop_back();
  const std::string expected =
      absl::StrCat("\"principal\":\"", kPayments, "\",\"certificate_serial\":\"", serial, "\"");
  Await([&] { return absl::StrContains(Content(env_.File("state/audit.jsonl")), expected); },
        "an audit entry with principal and serial");
}

TEST_F(MutualTlsE2eTest, RejectsOtherCertificatesAndConnections) {
  const Pki::Names names = {"x", absl::StrCat("URI:", kPayments)};
  EXPECT_THAT(Ask(pki_.Issue(names)), IsOk());
  for (const auto& [what, client] :
       {std::pair("expired", pki_.Issue(names, Pki::Term::kOver)),
        std::pair("not valid yet", pki_.Issue(names, Pki::Term::kNotYet)),
        std::pair("of another CA", pki_.Issue(names, Pki::Term::kNow, "stranger"))}) {
    EXPECT_THAT(Ask(client), StatusIs(absl::StatusCode::kUnavailable)) << what;
  }
  Await([&] { return env_.CountEvents("grpc_error") > 0; }, "the cause to be logged");
  grpc::SslCredentialsOptions without_certificate;
  without_certificate.pem_root_certs = Content(pki_.Ca());
  EXPECT_EQ(AskWith(grpc::SslCredentials(without_certificate)).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(AskWith(grpc::InsecureChannelCredentials()).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  const Pki::Pair client = pki_.Issue(names);
  EXPECT_TRUE(Handshakes("-tls1_2", client));
  EXPECT_FALSE(Handshakes("-tls1_1", client));
}

TEST_F(MutualTlsE2eTest, CertificateNameIsNeverAUnixPrincipal) {
  const absl::Status stranger = Ask(pki_.Issue({"x", "DNS:other.corp.example"}));
  EXPECT_THAT(stranger, HasReason(Reason::kCallerUnknown));
  EXPECT_THAT(stranger, HasMetadata("principal", "dns:other.corp.example"));
  const absl::Status poser = Ask(pki_.Issue({kLocalAdmin, ""}));
  EXPECT_THAT(poser, HasReason(Reason::kCallerUnknown));
  EXPECT_THAT(poser, HasMetadata("principal", absl::StrCat("cn:", kLocalAdmin)));
}

TEST_F(MutualTlsE2eTest, ClientVerifiesTheBrokersName) {
  ClientOptions options = OptionsOf(pki_.Issue({"x", absl::StrCat("URI:", kPayments)}));
  options.tls.ca_file = pki_.Ca("stranger");
  EXPECT_THAT(Connect(options)->GetSession(kPayables), StatusIs(absl::StatusCode::kUnavailable));
  options.tls.ca_file = pki_.Ca();
  tls_.PutServer(pki_.Issue({"other", "DNS:other.corp.example"}));
  AwaitEvents("certificate_reloaded", 1);
  EXPECT_THAT(Connect(options)->GetSession(kPayables), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(MutualTlsE2eTest, ReplacedCertificatesCostNoCallUnderLoad) {
  const Pki::Names names = {"x", absl::StrCat("URI:", kPayments)};
  const Pki::Pair client = pki_.Issue(names);
  std::atomic<bool> stop = false;
  std::atomic<int> calls = 0;
  std::atomic<int> failures = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; ++i) {
    // One caller keeps its connection; the other one connects for each call.
    callers.emplace_back([&, kept = i == 0] {
      auto sessions = Connect(OptionsOf(client));
      while (!stop) {
        if (!kept) sessions = Connect(OptionsOf(client));
        failures += sessions->GetSession(kPayables).ok() ? 0 : 1;
        ++calls;
      }
    });
  }
  const auto await_calls = [&](int more) {
    Await([&, wanted = calls + more] { return calls >= wanted; }, "calls to be made");
  };
  // A certificate with another key, and one that has expired, leave the previous pair in use.
  tls_.Rename(pki_.Issue({"broker", "IP:127.0.0.1"}).certificate, "server.pem");
  AwaitEvents("certificate_kept", 1);
  tls_.PutServer(pki_.Issue({"broker", "IP:127.0.0.1"}, Pki::Term::kOver));
  Await([&] { return absl::StrContains(env_.Log(), "2021-01-01"); },
        "the date of the expired certificate to be logged");
  await_calls(20);
  tls_.PutServer(pki_.Issue({"broker", "IP:127.0.0.1"}));
  AwaitEvents("certificate_reloaded", 1);
  env_.broker().Signal(SIGHUP);
  AwaitEvents("certificate_reloaded", 2);
  await_calls(20);
  stop = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(failures, 0) << "of " << calls;
}

TEST_F(MutualTlsE2eTest, ClientReloadsItsOwnFiles) {
  const Pki::Names names = {"x", absl::StrCat("URI:", kPayments)};
  const Pki::Pair over = pki_.Issue(names, Pki::Term::kOver);
  ClientOptions options = OptionsOf(over);
  options.tls.certificate_file = tls_.File("client.pem");
  options.tls.key_file = tls_.File("client.key");
  // With calls that fail at once, gRPC would have no time to connect.
  options.wait_for_ready = true;
  options.call_timeout = absl::Seconds(1);
  tls_.Rename(over.certificate, "client.pem");
  tls_.Rename(over.key, "client.key");
  const auto sessions = Connect(options);
  EXPECT_THAT(sessions->GetSession(kPayables), Not(IsOk()));
  const Pki::Pair renewed = pki_.Issue(names);
  tls_.Rename(renewed.certificate, "client.pem");
  tls_.Rename(renewed.key, "client.key");
  Await([&] { return sessions->GetSession(kPayables).ok(); }, "the new certificate to be used");
}

TEST_F(MutualTlsE2eTest, CommandLineWorksOverTcp) {
  const Pki::Names names = {"x", absl::StrCat("URI:", kPayments)};
  const ClientOptions options = OptionsOf(pki_.Issue(names));
  const TestEnvironment::Output got = env_.CliOverTcp(options, {"session", "get", kPayables});
  EXPECT_EQ(got.exit_code, 0) << got.text;
  EXPECT_THAT(got.text, HasSubstr(kPayables));
  const TestEnvironment::Output refused =
      env_.CliOverTcp(options, {"session", "get", kReceivables});
  EXPECT_EQ(refused.exit_code, 7) << refused.text;
  const TestEnvironment::Output unreachable = env_.CliOverTcp(
      OptionsOf(pki_.Issue(names, Pki::Term::kOver)), {"--output", "json", "status"});
  EXPECT_EQ(unreachable.exit_code, 3) << unreachable.text;
  const nlohmann::json error = unreachable.Json()["error"];
  EXPECT_EQ(error["reason"], "BROKER_UNREACHABLE");
  EXPECT_THAT(error["fix"].get<std::string>(), HasSubstr(options.address));
}

TEST_F(MutualTlsE2eTest, PlainTcpIsRefusedOnLocalhostToo) {
  const std::string config =
      env_.WriteConfig("plain.toml", env_.File("plain"), env_.File("plain.sock"),
                       "[[listener]]\naddress = \"127.0.0.1:0\"\n");
  const TestEnvironment::Output refused = env_.RunBroker(config);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.text, HasSubstr("certificate_file"));
}

}  // namespace
}  // namespace billbroker
