// Identification of callers over TLS, and connections when certificates change.

#include "server/app/tls_listener.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/status.h"
#include "server/app/listeners.h"
#include "server/rpc/recorder.h"
#include "server/rpc/serving_state.h"
#include "tests/server/app/who_am_i.h"
#include "tests/support/fake_audit.h"
#include "tests/support/manual_time.h"
#include "tests/support/pki.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class TlsListenerTest : public ::testing::Test {
 protected:
  TlsListenerTest() {
    Put(pki_.Issue({"broker", "IP:127.0.0.1"}));
    PutCa(pki_.Ca());
    config_.address = "127.0.0.1:0";
    config_.tls = {folder_.File("c.pem"), folder_.File("k.pem"), folder_.File("ca.pem")};
    config_.services = {"session"};
    config_.max_connection_idle = absl::Hours(1);
    policy_.grants = {{{"*"}, Role::kReader, {"*"}, {}}};
  }
  ~TlsListenerTest() override {
    if (listeners_ != nullptr) listeners_->Shutdown(absl::InfinitePast());
  }

  void Listen() {
    callers_ = std::make_unique<Callers>(policy_);
    listeners_ = std::make_unique<Listeners>(
        *ClaimSockets({config_}),
        Listeners::Parts{
            *callers_, state_, recorder_, clock_, log_, {{"session", {&service_, ""}}}});
    const absl::Status published = listeners_->Publish();
    ASSERT_THAT(published, IsOk());
  }

  void Put(const Pki::Pair& pair) const {
    std::filesystem::copy_file(pair.certificate, folder_.File("next"));
    std::filesystem::rename(folder_.File("next"), folder_.File("c.pem"));
    std::filesystem::copy_file(pair.key, folder_.File("next"));
    std::filesystem::rename(folder_.File("next"), folder_.File("k.pem"));
  }
  void PutCa(const std::string& ca) const {
    std::filesystem::copy_file(ca, folder_.File("next"));
    std::filesystem::rename(folder_.File("next"), folder_.File("ca.pem"));
  }

  // Connects with the certificate of `client`, or without one if it is null, and trusts `ca`.
  std::shared_ptr<grpc::Channel> Connect(const Pki::Pair* client, const std::string& ca = "ca") {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = Content(pki_.Ca(ca));
    if (client != nullptr) {
      options.pem_private_key = Content(client->key);
      options.pem_cert_chain = Content(client->certificate);
    }
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const std::string address = listeners_->Names()[0].substr(std::string("tls:").size());
    return grpc::CreateCustomChannel(address, grpc::SslCredentials(options), arguments);
  }

  // Calls GetStatus without waiting for the connection.
  static absl::Status Ask(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    v1::GetStatusResponse response;
    return FromGrpcStatus(v1::SessionService::NewStub(channel)->GetStatus(&context, {}, &response));
  }

  // Returns true if the broker closes the connection of `channel` within twenty seconds.
  static bool IsClosed(const std::shared_ptr<grpc::Channel>& channel) {
    const auto patience = std::chrono::system_clock::now() + std::chrono::seconds(20);
    return channel->WaitForStateChange(GRPC_CHANNEL_READY, patience);
  }

  std::string WhoIs(const Pki::Names& names) {
    const Pki::Pair client = pki_.Issue(names);
    return Who(Connect(&client));
  }

  TempFolder folder_;
  Pki pki_;
  ManualClock clock_;
  std::ostringstream lines_;
  JsonLog log_{LogLevel::kInfo, clock_, std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_)};
  Policy policy_;
  ListenerConfig config_;
  ServingState state_{"1", absl::UnixEpoch(), {}};
  WhoAmI service_{state_};
  FakeAudit audit_;
  SystemRandom random_;
  const Recorder recorder_{audit_, clock_, random_, false};
  std::unique_ptr<Callers> callers_;
  std::unique_ptr<Listeners> listeners_;
};

TEST_F(TlsListenerTest, PrincipalComesFromCertificate) {
  Listen();
  EXPECT_EQ(WhoIs({"x", "URI:spiffe://corp/payments,URI:https://corp/,DNS:y.corp"}),
            "spiffe://corp/payments");
  EXPECT_EQ(WhoIs({"x", "DNS:Payments.corp,email:x@corp"}), "dns:payments.corp");
  EXPECT_EQ(WhoIs({"payments-service", ""}), "cn:payments-service");
}

TEST_F(TlsListenerTest, CommonNameCannotImpersonateUnixPrincipal) {
  policy_.principals = {{"unix:payments-service", {0}, {}}};
  policy_.grants = {{{"unix:payments-service"}, Role::kAdmin, {"*"}, {}}};
  Listen();
  EXPECT_EQ(WhoIs({"unix:payments-service", ""}), "CALLER_UNKNOWN");
  policy_.grants.push_back({{"cn:*"}, Role::kReader, {"*"}, {}});
  callers_->SetPolicy(policy_);
  EXPECT_EQ(WhoIs({"unix:payments-service", ""}), "cn:unix:payments-service");
}

TEST_F(TlsListenerTest, RejectsAmbiguousOrEmptyNames) {
  Listen();
  EXPECT_EQ(WhoIs({"x", "URI:spiffe://corp/a,URI:spiffe://corp/b"}), "CALLER_UNKNOWN");
  EXPECT_EQ(WhoIs({"x", "DNS:a,DNS:b"}), "CALLER_UNKNOWN");
  EXPECT_EQ(WhoIs({"", "email:x@corp"}), "CALLER_UNKNOWN");
}

// The name is the caller's text: a message or metadata must not repeat it.
TEST_F(TlsListenerTest, ErrorOmitsMalformedName) {
  Listen();
  const Pki::Pair client = pki_.Issue({"payments*service", ""});
  const absl::Status rejected = Ask(Connect(&client));
  EXPECT_THAT(rejected, AllOf(HasReason(Reason::kCallerUnknown),
                              Not(HasMetadata("principal", ::testing::_))));
  EXPECT_THAT(rejected.ToString(), Not(HasSubstr("payments*service")));
}

TEST_F(TlsListenerTest, AdmitsCallerOnceGranted) {
  policy_.grants.clear();
  Listen();
  const Pki::Pair client = pki_.Issue({"payments-service", ""});
  const auto channel = Connect(&client);
  const absl::Status rejected = Ask(channel);
  EXPECT_THAT(rejected, HasReason(Reason::kCallerUnknown));
  EXPECT_THAT(rejected, HasMetadata("principal", "cn:payments-service"));
  policy_.grants = {{{"cn:payments-service"}, Role::kReader, {"*"}, {}}};
  callers_->SetPolicy(policy_);
  EXPECT_EQ(Who(channel), "cn:payments-service");
}

TEST_F(TlsListenerTest, OriginHoldsCertificateSerialNumber) {
  Listen();
  const Pki::Pair client = pki_.Issue({"payments-service", ""});
  EXPECT_EQ(Who(Connect(&client)), "cn:payments-service");
  EXPECT_EQ(absl::StrCat("serial=", service_.last().certificate_serial, "\n"),
            pki_.Print(client.certificate, "-serial"));
  EXPECT_FALSE(service_.last().uid.has_value());
}

TEST_F(TlsListenerTest, RejectsMissingForeignAndExpiredCertificates) {
  Listen();
  EXPECT_THAT(Ask(Connect(nullptr)), StatusIs(absl::StatusCode::kUnavailable));
  const Pki::Pair stranger = pki_.Issue({"payments-service", ""}, Pki::Term::kNow, "stranger");
  EXPECT_THAT(Ask(Connect(&stranger)), StatusIs(absl::StatusCode::kUnavailable));
  const Pki::Pair expired = pki_.Issue({"payments-service", ""}, Pki::Term::kOver);
  EXPECT_THAT(Ask(Connect(&expired)), StatusIs(absl::StatusCode::kUnavailable));
  const Pki::Pair good = pki_.Issue({"payments-service", ""});
  EXPECT_THAT(Ask(Connect(&good)), IsOk());
}

TEST_F(TlsListenerTest, NewPairAppliesToNewConnections) {
  Listen();
  const Pki::Pair client = pki_.Issue({"payments-service", ""});
  const auto before = Connect(&client);
  EXPECT_THAT(Ask(before), IsOk());
  Put(pki_.Issue({"broker", "IP:127.0.0.1"}, Pki::Term::kNow, "second"));
  listeners_->LookAtCertificates();
  EXPECT_THAT(lines_.str(), HasSubstr("certificate_reloaded"));
  EXPECT_THAT(Ask(before), IsOk());
  EXPECT_THAT(Ask(Connect(&client)), Not(IsOk())) << "another authority issued the new certificate";
  EXPECT_THAT(Ask(Connect(&client, "second")), IsOk());
  const std::string logged = lines_.str();
  listeners_->LookAtCertificates();
  EXPECT_EQ(lines_.str(), logged) << "the change is logged once";
  listeners_->ReloadCertificates();
  EXPECT_NE(lines_.str(), logged) << "Reload reads unchanged files too";
}

TEST_F(TlsListenerTest, KeepsOldPairIfNewOneIsInvalid) {
  Listen();
  const Pki::Pair client = pki_.Issue({"payments-service", ""});
  const Pki::Pair next = pki_.Issue({"broker", "IP:127.0.0.1"}, Pki::Term::kNow, "second");
  Put({next.certificate, pki_.Issue({"other", ""}).key});
  listeners_->LookAtCertificates();
  EXPECT_THAT(lines_.str(), HasSubstr("certificate_kept"));
  EXPECT_THAT(Ask(Connect(&client)), IsOk());
  Put(pki_.Issue({"broker", "IP:127.0.0.1"}, Pki::Term::kOver, "second"));
  listeners_->LookAtCertificates();
  EXPECT_THAT(lines_.str(), HasSubstr("2021-01-01"));
  EXPECT_THAT(Ask(Connect(&client)), IsOk());
  EXPECT_THAT(lines_.str(), Not(HasSubstr("certificate_reloaded")));
  Put(next);
  listeners_->LookAtCertificates();
  EXPECT_THAT(lines_.str(), HasSubstr("certificate_reloaded"));
  EXPECT_THAT(Ask(Connect(&client, "second")), IsOk());
}

TEST_F(TlsListenerTest, LoadsFuturePairOnceValid) {
  Listen();
  Put(pki_.Issue({"broker", "IP:127.0.0.1"}, Pki::Term::kNotYet));
  listeners_->LookAtCertificates();
  EXPECT_THAT(lines_.str(), HasSubstr("certificate_kept"));
  const std::string logged = lines_.str();
  listeners_->LookAtCertificates();
  EXPECT_EQ(lines_.str(), logged) << "the change is logged once";
  absl::Time begins;
  ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, "2090-01-01T00:00:01Z", &begins, nullptr));
  clock_.Advance(begins - clock_.Now());
  listeners_->LookAtCertificates();
  EXPECT_THAT(lines_.str(), HasSubstr("certificate_reloaded"));
}

TEST_F(TlsListenerTest, NewClientCaClosesOldConnections) {
  Listen();
  const Pki::Pair client = pki_.Issue({"payments-service", ""});
  const auto channel = Connect(&client);
  EXPECT_THAT(Ask(channel), IsOk());
  PutCa(pki_.Ca("second"));
  listeners_->LookAtCertificates();
  EXPECT_TRUE(IsClosed(channel));
  EXPECT_THAT(Ask(channel), Not(IsOk()));
  const Pki::Pair other = pki_.Issue({"payments-service", ""}, Pki::Term::kNow, "second");
  EXPECT_THAT(Ask(Connect(&other)), IsOk());
}

TEST_F(TlsListenerTest, KeepsAtMostTwoOldServers) {
  Listen();
  const Pki::Pair client = pki_.Issue({"payments-service", ""});
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < 4; ++i) {
    channels.push_back(Connect(&client));
    EXPECT_THAT(Ask(channels.back()), IsOk());
    listeners_->ReloadCertificates();
  }
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(IsClosed(channels[i])) << i;
  for (const auto& channel : channels) EXPECT_EQ(Who(channel), "cn:payments-service");
}

TEST_F(TlsListenerTest, WarnsOnceBeforeAndOnceAfterExpiry) {
  const absl::Time ends = absl::FromCivil(absl::CivilDay(2091, 1, 1), absl::UTCTimeZone());
  Listen();
  clock_.Advance(ends - absl::Hours(7 * 24 + 1) - clock_.Now());
  listeners_->LookAtCertificates();
  EXPECT_EQ(lines_.str(), "");
  clock_.Advance(absl::Hours(1));
  listeners_->LookAtCertificates();
  EXPECT_THAT(lines_.str(), HasSubstr("certificate_expires"));
  const std::string logged = lines_.str();
  listeners_->LookAtCertificates();
  EXPECT_EQ(lines_.str(), logged);
  clock_.Advance(absl::Hours(7 * 24));
  listeners_->LookAtCertificates();
  EXPECT_THAT(lines_.str(), HasSubstr("certificate_expired"));
}

TEST_F(TlsListenerTest, RejectsConnectionsAboveTheLimit) {
  config_.max_connections = 1;
  Listen();
  const Pki::Pair client = pki_.Issue({"payments-service", ""});
  const auto one = Connect(&client);
  EXPECT_THAT(Ask(one), IsOk());
  EXPECT_THAT(Ask(Connect(&client)), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(lines_.str(), HasSubstr("connection_turned_away"));
  EXPECT_THAT(Ask(one), IsOk());
}

TEST_F(TlsListenerTest, LimitsConnectionsPerAddress) {
  config_.max_user_connections = 2;
  Listen();
  const Pki::Pair client = pki_.Issue({"payments-service", ""});
  auto one = Connect(&client);
  const auto other = Connect(&client);
  EXPECT_THAT(Ask(one), IsOk());
  EXPECT_THAT(Ask(other), IsOk());
  EXPECT_THAT(Ask(Connect(&client)), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(lines_.str(), HasSubstr("127.0.0.0/8"));
  EXPECT_THAT(lines_.str(), HasSubstr("max_user_connections"));
}

TEST_F(TlsListenerTest, FailsToStartWithBadPairOrUsedAddress) {
  Listen();
  ListenerConfig same = config_;
  same.address = listeners_->Names()[0].substr(std::string("tls:").size());
  EXPECT_THAT(std::string(ClaimSockets({same}).status().message()), HasSubstr(same.address));
  std::ofstream(config_.tls.key) << "nothing";
  Listeners bad(*ClaimSockets({config_}),
                {*callers_, state_, recorder_, clock_, log_, {{"session", {&service_, ""}}}});
  EXPECT_THAT(bad.Publish(), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace billbroker
