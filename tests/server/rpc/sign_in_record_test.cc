// The audit log's record of the call that a sign-in is made for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "server/app/sign_in_audit.h"
#include "tests/server/rpc/rpc_fixture.h"
#include "tests/support/fake_session_observer.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::SizeIs;

constexpr char kTraceparent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

// Constructed before the fixture, which borrows it.
struct SignInsOnALog {
  FakeAudit log;  // of sign-ins only
  FakeSessionObserver next;
  SignInAudit sign_ins{log, next};
};

class SignInRecordTest : private SignInsOnALog, public RpcTest {
 protected:
  explicit SignInRecordTest(bool session_reads = false) : RpcTest(&sign_ins, session_reads) {
    acme_ = Create(NewUser("acme-payables-user", {"00800000000000000081", "00800000000000000082",
                                                  "00800000000000000083"}));
    origins_asked_ = 0;
    (void)audit_.Take();
  }

  // Calls with a request id and a traceparent.
  template <typename Stub, typename Request, typename Response>
  void Ask(Stub& stub,
           grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
           const Request& request) {
    grpc::ClientContext context;
    context.AddMetadata("x-request-id", "r-17");
    context.AddMetadata("traceparent", kTraceparent);
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    EXPECT_THAT(FromGrpcStatus(status), IsOk()) << status.error_message();
  }
  template <typename Request>
  Request ForSlot(const std::string& organization_id) {
    Request request;
    request.set_organization_id(organization_id);
    return request;
  }
  template <typename Request>
  Request ForAcme() {
    Request request;
    request.set_credential("acme-payables-user");
    request.set_uid(acme_.uid());
    request.set_version(1);
    return request;
  }
  std::vector<AuditEntry> SignIns() { return log.Take(); }

  v1::Credential acme_;
};

void ExpectTheCall(const AuditEntry& entry, const std::string& rpc) {
  EXPECT_EQ(entry.event, AuditEvent::kSignIn) << rpc;
  EXPECT_EQ(entry.principal, "unix:rpc-test-caller") << rpc;
  EXPECT_EQ(entry.uid, 4711U) << rpc;
  EXPECT_EQ(entry.pid, 17) << rpc;
  EXPECT_EQ(entry.rpc, rpc);
  EXPECT_EQ(entry.request_id, "r-17") << rpc;
  EXPECT_EQ(entry.traceparent, kTraceparent) << rpc;
}

TEST_F(SignInRecordTest, IntentAndOutcomeNameTheCall) {
  using Sessions = v1::SessionService::Stub;
  using Credentials = v1::CredentialService::Stub;
  const std::vector<std::pair<std::string, std::function<void()>>> calls = {
      {"SessionService/GetSession",
       [this] {
         Ask(*sessions_, &Sessions::GetSession,
             ForSlot<v1::GetSessionRequest>("00800000000000000081"));
       }},
      {"SessionService/BatchGetSessions",
       [this] {
         v1::BatchGetSessionsRequest request;
         request.add_requests()->set_organization_id("00800000000000000081");
         Ask(*sessions_, &Sessions::BatchGetSessions, request);
       }},
      {"SessionService/Login",
       [this] {
         Ask(*sessions_, &Sessions::Login, ForSlot<v1::LoginRequest>("00800000000000000081"));
       }},
      {"CredentialService/VerifyCredential",
       [this] {
         Ask(*credentials_, &Credentials::VerifyCredential, ForAcme<v1::VerifyCredentialRequest>());
       }},
      {"CredentialService/DiscoverOrganizations",
       [this] {
         v1::DiscoverOrganizationsRequest request;
         request.set_credential("acme-payables-user");
         Ask(*credentials_, &Credentials::DiscoverOrganizations, request);
       }},
      {"MfaService/StartChallenge",
       [this] {
         v1::StartChallengeRequest request;
         request.set_credential("acme-payables-user");
         Ask(*mfa_, &v1::MfaService::Stub::StartChallenge, request);
       }},
      {"CredentialService/RotateCredential",
       [this] {
         auto request = ForAcme<v1::RotateCredentialRequest>();
         request.set_password("s3cret-next");
         Ask(*credentials_, &Credentials::RotateCredential, request);
       }},
  };
  for (const auto& [rpc, call] : calls) {
    call();
    const std::vector<AuditEntry> entries = SignIns();
    ASSERT_THAT(entries, SizeIs(2)) << rpc;
    EXPECT_EQ(entries[0].phase, AuditPhase::kIntent) << rpc;
    EXPECT_EQ(entries[1].phase, AuditPhase::kOutcome) << rpc;
    for (const AuditEntry& entry : entries) ExpectTheCall(entry, rpc);
    broker_.sessions.LogoutAll(acme_.uid(), [] {});
    (void)SignIns();
  }
}

TEST_F(SignInRecordTest, SignInWithoutRequestIdHasItsOwn) {
  ASSERT_THAT(GetSession("00800000000000000081"), IsOk());
  ASSERT_THAT(GetSession("00800000000000000082"), IsOk());
  const std::vector<AuditEntry> entries = SignIns();
  ASSERT_THAT(entries, SizeIs(4));
  EXPECT_THAT(entries[0].request_id, SizeIs(32));
  EXPECT_EQ(entries[0].request_id, entries[1].request_id);
  EXPECT_NE(entries[0].request_id, entries[2].request_id);
  EXPECT_EQ(entries[0].rpc, "SessionService/GetSession");
}

TEST_F(SignInRecordTest, ProbeHasRequestIdOfItsChange) {
  auto request = ForAcme<v1::RotateCredentialRequest>();
  request.set_password("s3cret-next");
  v1::RotateCredentialResponse response;
  ASSERT_THAT(
      Call(*credentials_, &v1::CredentialService::Stub::RotateCredential, request, &response),
      IsOk());
  const std::vector<AuditEntry> change = audit_.Take();
  const std::vector<AuditEntry> proof = SignIns();
  ASSERT_THAT(change, SizeIs(2));
  ASSERT_THAT(proof, SizeIs(2));
  EXPECT_FALSE(change[0].request_id.empty());
  EXPECT_EQ(proof[0].request_id, change[0].request_id);
}

TEST_F(SignInRecordTest, HitDoesNotReadTheOrigin) {
  ASSERT_THAT(GetSession("00800000000000000081"), IsOk());
  EXPECT_EQ(origins_asked_, 1) << "its sign-in is recorded";
  v1::LoginResponse reused;
  ASSERT_THAT(Call(*sessions_, &v1::SessionService::Stub::Login,
                   ForSlot<v1::LoginRequest>("00800000000000000081"), &reused),
              IsOk());
  v1::BatchGetSessionsRequest batch;
  batch.add_requests()->set_organization_id("00800000000000000081");
  v1::BatchGetSessionsResponse response;
  ASSERT_THAT(Call(*sessions_, &v1::SessionService::Stub::BatchGetSessions, batch, &response),
              IsOk());
  ASSERT_THAT(GetSession("00800000000000000081"), IsOk());
  EXPECT_EQ(origins_asked_, 1);
}

TEST_F(SignInRecordTest, BatchReadsTheOriginOnce) {
  v1::BatchGetSessionsRequest batch;
  for (const char* id : {"00800000000000000081", "00800000000000000082", "00800000000000000083"})
    batch.add_requests()->set_organization_id(id);
  Ask(*sessions_, &v1::SessionService::Stub::BatchGetSessions, batch);
  EXPECT_EQ(origins_asked_, 1);
  const std::vector<AuditEntry> entries = SignIns();
  ASSERT_THAT(entries, SizeIs(6));
  for (const AuditEntry& entry : entries) ExpectTheCall(entry, "SessionService/BatchGetSessions");
}

class RecordedReadTest : public SignInRecordTest {
 protected:
  RecordedReadTest() : SignInRecordTest(true) {}
};

TEST_F(RecordedReadTest, SignInHasRequestIdOfItsCause) {
  ASSERT_THAT(GetSession("00800000000000000081"), IsOk());
  const std::vector<AuditEntry> reads = audit_.Take();
  ASSERT_THAT(reads, SizeIs(1));
  for (const AuditEntry& entry : SignIns()) EXPECT_EQ(entry.request_id, reads[0].request_id);
}

}  // namespace
}  // namespace billbroker
