// The audit log's entries for callers over TLS without a grant.
#include <gmock/gmock.h>
#include <grpc/grpc_security.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/rpc/watch_fixture.h"
#include "tests/support/pki.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

std::string Content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class TlsRefusalTest : public RpcTest {
 protected:
  TlsRefusalTest() {
    const Pki::Pair broker = pki_.Issue({"broker", "IP:127.0.0.1"});
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = Content(pki_.Ca());
    options.pem_key_cert_pairs = {{Content(broker.key), Content(broker.certificate)}};
    grpc::ServerBuilder builder;
    builder.SetContextAllocator(state_.MakeContexts(callers_, broker_.clock));
    builder.RegisterService(&session_service_);
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(options), &port_);
    tls_server_ = builder.BuildAndStart();
  }
  ~TlsRefusalTest() override {
    tls_server_->Shutdown();
    tls_server_->Wait();
  }

  std::unique_ptr<v1::SessionService::Stub> Connect(const Pki::Names& names) {
    return ConnectWith(pki_.Issue(names));
  }
  // With `sessions`, a connection resumes the TLS session of an earlier one.
  std::unique_ptr<v1::SessionService::Stub> ConnectWith(
      const Pki::Pair& client, grpc_ssl_session_cache* sessions = nullptr) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = Content(pki_.Ca());
    options.pem_private_key = Content(client.key);
    options.pem_cert_chain = Content(client.certificate);
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    if (sessions != nullptr) {
      const grpc_arg cache = grpc_ssl_session_cache_create_channel_arg(sessions);
      arguments.SetPointerWithVtable(cache.key, cache.value.pointer.p, cache.value.pointer.vtable);
    }
    return v1::SessionService::NewStub(grpc::CreateCustomChannel(
        absl::StrCat("127.0.0.1:", port_), grpc::SslCredentials(options), arguments));
  }
  // Makes `times` calls for a session that is not granted, and returns the recorded entries.
  std::vector<AuditEntry> AskInVain(v1::SessionService::Stub& stub, int times) {
    v1::GetSessionRequest request;
    request.set_organization_id("00800000000000000081");
    v1::GetSessionResponse response;
    for (int i = 0; i < times; ++i) {
      const absl::Status status =
          Call(stub, &v1::SessionService::Stub::GetSession, request, &response);
      EXPECT_THAT(status, HasReason(Reason::kCallerUnknown));
    }
    return audit_.Take();
  }

  Pki pki_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> tls_server_;
};

TEST_F(TlsRefusalTest, RecordsNameOfCertificate) {
  const auto stub = Connect({"", "URI:spiffe://corp.example/stranger"});
  const std::vector<AuditEntry> entries = AskInVain(*stub, 1);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].event, AuditEvent::kRefusal);
  EXPECT_EQ(entries[0].reason, "CALLER_UNKNOWN");
  EXPECT_EQ(entries[0].principal, "spiffe://corp.example/stranger");
  EXPECT_FALSE(entries[0].certificate_serial.empty());
}

TEST_F(TlsRefusalTest, RecordsNamelessCertificateWithoutPrincipal) {
  const auto stub = Connect({"*", ""});
  const std::vector<AuditEntry> entries = AskInVain(*stub, 1);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].principal, "");
  EXPECT_FALSE(entries[0].certificate_serial.empty());
}

TEST_F(TlsRefusalTest, RejectionsAreLimitedPerCertificate) {
  constexpr int kOnce = static_cast<int>(Recorder::kRefusalsAtOnce);
  const auto loud = Connect({"", "DNS:loud.example"});
  EXPECT_EQ(AskInVain(*loud, kOnce + 5).size(), static_cast<std::size_t>(kOnce));
  EXPECT_EQ(audit_.omitted(), 5);
  const auto another = Connect({"", "DNS:another.example"});
  EXPECT_EQ(AskInVain(*another, 1).size(), 1U);
}

TEST_F(TlsRefusalTest, ManyNamesShareOneLimit) {
  constexpr int kOnce = static_cast<int>(Recorder::kRefusalsAtOnce);
  constexpr int kTogether = static_cast<int>(kOnce * Recorder::kStrangersAsMany);
  int recorded = 0;
  for (int asked = 0; asked < kTogether + kOnce; asked += kOnce) {
    const auto stub = Connect({"", absl::StrCat("DNS:of", asked, ".example")});
    recorded += static_cast<int>(AskInVain(*stub, kOnce).size());
  }
  EXPECT_EQ(recorded, kTogether);
  EXPECT_EQ(audit_.omitted(), kOnce);
}

class ExpiredCertificateTest : public TlsRefusalTest {
 protected:
  ExpiredCertificateTest() {
    Policy policy = EverythingGranted();
    policy.grants.push_back({{"dns:payments.example"}, Role::kAdmin, {"*"}, {}});
    callers_.SetPolicy(policy);
    Create(NewUser("acme-payables-user", {"00800000000000000081"}));
  }

  absl::Status Ask(v1::SessionService::Stub& stub) {
    v1::GetSessionRequest request;
    request.set_organization_id("00800000000000000081");
    v1::GetSessionResponse response;
    return Call(stub, &v1::SessionService::Stub::GetSession, request, &response);
  }

  const Pki::Pair client_ = pki_.Issue({"", "DNS:payments.example"});  // until 2091
};

TEST_F(ExpiredCertificateTest, IsRefusedOnAnOpenConnection) {
  const auto stub = ConnectWith(client_);
  ASSERT_THAT(Ask(*stub), IsOk());
  broker_.clock.JumpWall(absl::Hours(24 * 365 * 70));
  const absl::Status refused = Ask(*stub);
  EXPECT_THAT(refused, HasReason(Reason::kCallerUnknown));
  EXPECT_THAT(refused, HasMetadata("principal", "dns:payments.example"));
  EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("2091-01-01T00:00:00"));
  broker_.clock.JumpWall(-absl::Hours(24 * 365 * 70));
  EXPECT_THAT(Ask(*stub), IsOk());
  broker_.clock.JumpWall(-absl::Hours(24 * 365 * 20));
  EXPECT_THAT(Ask(*stub), HasReason(Reason::kCallerUnknown)) << "not valid yet";
}

TEST_F(ExpiredCertificateTest, IsRefusedOnAResumedSession) {
  const std::unique_ptr<grpc_ssl_session_cache, decltype(&grpc_ssl_session_cache_destroy)> sessions(
      grpc_ssl_session_cache_create_lru(4), grpc_ssl_session_cache_destroy);
  ASSERT_THAT(Ask(*ConnectWith(client_, sessions.get())), IsOk());
  broker_.clock.JumpWall(absl::Hours(24 * 365 * 70));
  EXPECT_THAT(Ask(*ConnectWith(client_, sessions.get())), HasReason(Reason::kCallerUnknown));
}

TEST_F(ExpiredCertificateTest, EndsItsWatch) {
  broker_.clock.JumpWall(
      absl::FromCivil(absl::CivilSecond(2090, 12, 31, 23, 59, 59), absl::UTCTimeZone()) -
      broker_.clock.Now());
  const auto stub = ConnectWith(client_);
  v1::WatchSessionsRequest request;
  request.add_organizations()->set_organization_id("00800000000000000081");
  WatchReader watch(*stub, request);
  EXPECT_THAT(watch.End(), HasReason(Reason::kConnectionAged));
}

}  // namespace
}  // namespace billbroker
