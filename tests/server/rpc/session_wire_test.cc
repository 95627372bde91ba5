#include "server/rpc/session_wire.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "proto/status.h"
#include "server/rpc/translate.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using google::protobuf::util::MessageDifferencer;

std::shared_ptr<const SecretString> Secret(absl::string_view text) {
  return std::make_shared<const SecretString>(SecretString::CopyOf(text));
}

Session FullSession() {
  Session session;
  session.keys = {"sandbox", Secret("s3cret-session"), Secret("s3cret-dev-key")};
  session.dev_key_id = "0123456789abcdef";
  session.organization_id = "00801ACMEPAYABLES0001";
  session.credential = "acme-payables-user";
  session.user_id = "00601ACMEUSER00000001";
  session.base_url = "https://gateway.stage.bill.com/connect";
  session.trusted = true;
  session.generation = 1'795'000'000'123'456;
  session.sign_in_time = absl::FromUnixNanos(1'795'000'000'123'456'789);
  session.verified_time = session.sign_in_time + absl::Nanoseconds(1);
  session.expire_time = session.sign_in_time + absl::Minutes(34);
  session.deadline = absl::Hours(5) + absl::Milliseconds(1);
  return session;
}

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_THAT(FromGrpcStatus(buffer.Dump(&slices)), IsOk());
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

constexpr SessionSecrets kAllSecrets = {true, true};

v1::GetSessionResponse ByHand(const Session& session, absl::Duration now) {
  v1::GetSessionResponse response;
  EXPECT_TRUE(
      response.ParseFromString(BytesOf(EncodeGetSessionResponse(session, kAllSecrets, now))));
  return response;
}

v1::GetSessionResponse ByProtobuf(const Session& session, const SessionSecrets& secrets,
                                  absl::Duration now) {
  v1::GetSessionResponse response;
  FillSession(session, secrets, now, *response.mutable_session());
  return response;
}

TEST(SessionWireTest, EqualsProtobufByteForByte) {
  const Session session = FullSession();
  for (const SessionSecrets& secrets :
       {kAllSecrets, SessionSecrets{true, false}, SessionSecrets{false, true}, SessionSecrets{}}) {
    for (const absl::Duration now : {absl::Hours(4), absl::Hours(5), absl::Hours(6)}) {
      EXPECT_EQ(BytesOf(EncodeGetSessionResponse(session, secrets, now)),
                ByProtobuf(session, secrets, now).SerializeAsString());
    }
  }
}

// A field that is added to the message has to be added here too.
TEST(SessionWireTest, HasEveryField) {
  const v1::Session session = ByHand(FullSession(), absl::Hours(4)).session();
  std::vector<const google::protobuf::FieldDescriptor*> set;
  session.GetReflection()->ListFields(session, &set);
  EXPECT_EQ(static_cast<int>(set.size()), v1::Session::descriptor()->field_count());
}

TEST(SessionWireTest, OmitsDefaultValues) {
  Session session;
  session.keys = {"sandbox", Secret("s"), Secret("")};
  session.sign_in_time = absl::UnixEpoch();
  session.verified_time = absl::FromUnixSeconds(7);
  session.expire_time = absl::FromUnixSeconds(-1);
  const absl::Duration past = absl::Seconds(1);
  EXPECT_EQ(BytesOf(EncodeGetSessionResponse(session, kAllSecrets, past)),
            ByProtobuf(session, kAllSecrets, past).SerializeAsString());
}

TEST(SessionWireTest, EncodesLongStrings) {
  Session session = FullSession();
  session.keys.session_id = Secret(std::string(512, 'x'));
  session.base_url = std::string(20'000, 'y');
  EXPECT_TRUE(MessageDifferencer::Equals(ByHand(session, absl::Hours(4)),
                                         ByProtobuf(session, kAllSecrets, absl::Hours(4))));
}

TEST(SessionWireTest, DecodesSplitRequest) {
  v1::GetSessionRequest request;
  request.set_organization_id("00800000000000000081");
  request.set_stale_generation(7);
  const std::string bytes = request.SerializeAsString();
  const grpc::Slice parts[] = {grpc::Slice(bytes.substr(0, 3)), grpc::Slice(bytes.substr(3))};
  const grpc::Slice whole(bytes);
  for (const grpc::ByteBuffer& buffer : {grpc::ByteBuffer(&whole, 1), grpc::ByteBuffer(parts, 2)}) {
    const absl::StatusOr<v1::GetSessionRequest> decoded = DecodeGetSessionRequest(buffer);
    ASSERT_THAT(decoded, IsOk());
    EXPECT_TRUE(MessageDifferencer::Equals(*decoded, request));
  }
}

TEST(SessionWireTest, RejectsMalformedBytes) {
  const grpc::Slice bytes(
      std::string("\x0a\x7f"
                  "short"));
  const absl::Status status = DecodeGetSessionRequest(grpc::ByteBuffer(&bytes, 1)).status();
  EXPECT_THAT(status, HasReason(Reason::kMalformedRequest));
}

}  // namespace
}  // namespace billbroker
