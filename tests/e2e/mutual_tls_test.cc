// A TCP listener of a running broker: who gets in with which certificate, and what a swap of the
// certificates under load costs.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "tests/e2e/house.h"
#include "tests/e2e/tls_door.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kPayments[] = "spiffe://corp.example/payments";
// What is of this principal may be all: it comes over the Unix socket, and no certificate is it.
constexpr char kMe[] = "unix:test";

std::string Content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class MutualTlsE2eTest : public ::testing::Test {
 protected:
  MutualTlsE2eTest() : house_(Options()) {
    std::ofstream(house_.File("policy.toml"), std::ios::app)
        << "[[grant]]\nprincipals = [\"" << kPayments
        << "\"]\nrole = \"reader\"\norganizations = [\"" << kPayables << "\"]\n";
    house_.StartBroker();
    EXPECT_TRUE(house_.CreateAcme().ok());
    EXPECT_TRUE(house_.sessions().GetSession(kPayables).ok());
  }

  House::Options Options() const {
    House::Options options;
    options.config = door_.Config("\"session\"");
    return options;
  }

  [[nodiscard]] ClientOptions OptionsOf(const Pki::Pair& client) {
    return door_.ClientOf(house_, client);
  }
  std::unique_ptr<SessionClient> Connect(const ClientOptions& options) {
    absl::StatusOr<std::unique_ptr<SessionClient>> client = SessionClient::Connect(options);
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }
  absl::Status Ask(const Pki::Pair& client, absl::string_view organization = kPayables) {
    return Connect(OptionsOf(client))->GetSession(organization).status();
  }
  grpc::Status AskWith(const std::shared_ptr<grpc::ChannelCredentials>& credentials) const {
    const auto stub =
        v1::SessionService::NewStub(grpc::CreateChannel(TlsDoor::AddressOf(house_), credentials));
    grpc::ClientContext context;
    v1::GetSessionRequest request;
    request.set_organization_id(kPayables);
    v1::GetSessionResponse response;
    return stub->GetSession(&context, request, &response);
  }

  // Whether a handshake of just this version succeeds, as the openssl command sees it.
  bool Handshakes(const std::string& version, const Pki::Pair& client) {
    const std::string output = door_.File("s_client" + version);
    ChildProcess openssl({{"openssl", "s_client", version, "-cipher", "DEFAULT@SECLEVEL=0",
                           "-connect", TlsDoor::AddressOf(house_), "-CAfile", pki_.Ca(), "-cert",
                           client.certificate, "-key", client.key},
                          {},
                          "",
                          output});
    openssl.Wait();
    return absl::StrContains(Content(output), "Verify return code: 0 (ok)") &&
           !absl::StrContains(Content(output), "Cipher is (NONE)");
  }

  TlsDoor door_;
  Pki& pki_ = door_.pki();
  House house_;
};

TEST_F(MutualTlsE2eTest, ACertificateGetsWhatItsNameIsGrantedAndTheAuditSaysWhoseItWas) {
  const Pki::Pair client = pki_.Issue({"x", absl::StrCat("URI:", kPayments)});
  const auto sessions = Connect(OptionsOf(client));
  EXPECT_TRUE(sessions->GetSession(kPayables).ok());
  EXPECT_TRUE(HasReason(sessions->GetSession(kReceivables).status(), Reason::kNotGranted));
  EXPECT_TRUE(HasReason(sessions->GetSession("00801NOSUCHONE").status(), Reason::kNotGranted));
  EXPECT_TRUE(HasReason(sessions->GetSession(kPayables, {.include_dev_key = true}).status(),
                        Reason::kNotGranted))
      << "a reader sees no devKey";
  AdminClient admin(*OpenChannel(OptionsOf(client)));
  EXPECT_TRUE(HasReason(admin.Logout(kPayables).status(), Reason::kNotGranted));
  CredentialClient credentials(*OpenChannel(OptionsOf(client)));
  EXPECT_EQ(credentials.Get("acme").status().code(), absl::StatusCode::kUnimplemented)
      << "the listener offers sessions alone";

  std::string serial =
      pki_.Print(client.certificate, "-serial").substr(std::string("serial=").size());
  serial.pop_back();
  EXPECT_TRUE(Eventually([&] {
    const std::string log = Content(house_.File("state/audit.jsonl"));
    return absl::StrContains(log, absl::StrCat("\"principal\":\"", kPayments,
                                               "\",\"certificate_serial\":\"", serial, "\""));
  }));
}

TEST_F(MutualTlsE2eTest, NobodyElseGetsIn) {
  const Pki::Names names = {"x", absl::StrCat("URI:", kPayments)};
  EXPECT_TRUE(Ask(pki_.Issue(names)).ok());
  for (const auto& [what, client] :
       {std::pair("expired", pki_.Issue(names, Pki::Term::kOver)),
        std::pair("not in force yet", pki_.Issue(names, Pki::Term::kNotYet)),
        std::pair("of another CA", pki_.Issue(names, Pki::Term::kNow, "stranger"))}) {
    EXPECT_EQ(Ask(client).code(), absl::StatusCode::kUnavailable) << what;
  }
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(house_.Log(), "grpc_error"); }))
      << "the log says why";
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

TEST_F(MutualTlsE2eTest, ANameThatIsNotGrantedHearsItsNameAndOneThatLooksLikeAUserIsNotThatUser) {
  const absl::Status stranger = Ask(pki_.Issue({"x", "DNS:other.corp.example"}));
  EXPECT_TRUE(HasReason(stranger, Reason::kCallerUnknown)) << stranger;
  EXPECT_THAT(std::string(stranger.message()), HasSubstr("dns:other.corp.example"));
  const absl::Status poser = Ask(pki_.Issue({kMe, ""}));
  EXPECT_TRUE(HasReason(poser, Reason::kCallerUnknown)) << poser;
  EXPECT_THAT(std::string(poser.message()), HasSubstr(absl::StrCat("cn:", kMe)));
}

TEST_F(MutualTlsE2eTest, TheClientTakesOnlyTheBrokerThatItAskedFor) {
  ClientOptions options = OptionsOf(pki_.Issue({"x", absl::StrCat("URI:", kPayments)}));
  options.tls.ca_file = pki_.Ca("stranger");
  EXPECT_EQ(Connect(options)->GetSession(kPayables).status().code(),
            absl::StatusCode::kUnavailable);
  options.tls.ca_file = pki_.Ca();
  door_.PutServer(pki_.Issue({"other", "DNS:other.corp.example"}));
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(house_.Log(), "certificate_reloaded"); }));
  EXPECT_EQ(Connect(options)->GetSession(kPayables).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(MutualTlsE2eTest, CertificatesAreSwappedUnderLoadAndNoCallFails) {
  const Pki::Names names = {"x", absl::StrCat("URI:", kPayments)};
  const Pki::Pair client = pki_.Issue(names);
  std::atomic<bool> stop = false;
  std::atomic<int> calls = 0;
  std::atomic<int> failures = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; ++i) {
    // One stays connected; the other connects for each call.
    callers.emplace_back([&, kept = i == 0] {
      auto sessions = Connect(OptionsOf(client));
      while (!stop) {
        if (!kept) sessions = Connect(OptionsOf(client));
        failures += sessions->GetSession(kPayables).ok() ? 0 : 1;
        ++calls;
      }
    });
  }
  const auto says = [&](absl::string_view event, int times) {
    return Eventually([&] {
      int found = 0;
      std::istringstream log(house_.Log());
      for (std::string line; std::getline(log, line);) found += absl::StrContains(line, event);
      return found >= times;
    });
  };
  // Pieces of two pairs, and one that is over, keep the one before; then comes a right one.
  door_.Rename(pki_.Issue({"broker", "IP:127.0.0.1"}).certificate, "server.pem");
  EXPECT_TRUE(says("is not the key of the certificate", 1));
  door_.PutServer(pki_.Issue({"broker", "IP:127.0.0.1"}, Pki::Term::kOver));
  EXPECT_TRUE(says("expired at 2021-01-01", 1));
  const int kept = calls;
  EXPECT_TRUE(Eventually([&] { return calls > kept + 20; }));
  door_.PutServer(pki_.Issue({"broker", "IP:127.0.0.1"}));
  EXPECT_TRUE(says("certificate_reloaded", 1));
  house_.broker().Signal(SIGHUP);
  EXPECT_TRUE(says("certificate_reloaded", 2));
  const int reloaded = calls;
  EXPECT_TRUE(Eventually([&] { return calls > reloaded + 20; }));
  stop = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(failures, 0) << "of " << calls;
}

TEST_F(MutualTlsE2eTest, AClientFollowsItsOwnFiles) {
  const Pki::Names names = {"x", absl::StrCat("URI:", kPayments)};
  const Pki::Pair over = pki_.Issue(names, Pki::Term::kOver);
  ClientOptions options = OptionsOf(over);
  options.tls.certificate_file = door_.File("client.pem");
  options.tls.key_file = door_.File("client.key");
  // A call that fails at once leaves gRPC no time to connect in.
  options.wait_for_ready = true;
  options.call_timeout = absl::Seconds(1);
  door_.Rename(over.certificate, "client.pem");
  door_.Rename(over.key, "client.key");
  const auto sessions = Connect(options);
  EXPECT_FALSE(sessions->GetSession(kPayables).ok());
  const Pki::Pair renewed = pki_.Issue(names);
  door_.Rename(renewed.certificate, "client.pem");
  door_.Rename(renewed.key, "client.key");
  EXPECT_TRUE(Eventually([&] { return sessions->GetSession(kPayables).ok(); }));
}

TEST_F(MutualTlsE2eTest, TheCommandLineComesOverTcpToo) {
  const Pki::Names names = {"x", absl::StrCat("URI:", kPayments)};
  const ClientOptions options = OptionsOf(pki_.Issue(names));
  const House::Output got = house_.CliOverTcp(options, {"session", "get", kPayables});
  EXPECT_EQ(got.exit_code, 0) << got.text;
  EXPECT_THAT(got.text, HasSubstr(kPayables));
  const House::Output refused = house_.CliOverTcp(options, {"session", "get", kReceivables});
  EXPECT_EQ(refused.exit_code, 7) << refused.text;
  const House::Output unreachable =
      house_.CliOverTcp(OptionsOf(pki_.Issue(names, Pki::Term::kOver)), {"status"});
  EXPECT_EQ(unreachable.exit_code, 3) << unreachable.text;
  EXPECT_THAT(unreachable.text, HasSubstr("fix: see whether a listener of the broker is on"));
}

TEST_F(MutualTlsE2eTest, PlainTcpIsNoConfigurationOnLoopbackNeither) {
  const std::string config =
      house_.WriteConfig("plain.toml", house_.File("plain"), house_.File("plain.sock"),
                         "[[listener]]\naddress = \"127.0.0.1:0\"\n");
  const House::Output refused = house_.RunBroker(config);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.text, AllOf(HasSubstr("needs certificate_file"), HasSubstr("mutual TLS")));
}

}  // namespace
}  // namespace billbroker
