#include "server/access/audit/audit_line.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/server/access/audit/audit_harness.h"
#include "vault/base/utf8.h"

namespace billbroker {
namespace {

const absl::Time kTime = absl::FromUnixMicros(1'800'000'000'123'456);

std::string WithoutEnd(std::string line) {
  line.pop_back();
  return line;
}

TEST(AuditLineTest, LineHoldsEveryFieldInOrder) {
  AuditEntry entry = SampleEntry();
  entry.phase = AuditPhase::kOutcome;
  entry.organizations = 2;
  entry.generation = 77;
  entry.outcome = "UNAVAILABLE";
  entry.reason = "BILL_UNAVAILABLE";
  entry.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const AuditKey key(AuditMasterKey());
  AuditMark mark{6, {}};
  const std::string line = WriteAuditLine(key, kTime, entry, mark);
  const std::string body =
      R"({"sequence":7,"time":"2027-01-15T08:00:00.123456Z","kind":"sign_in","phase":"outcome",)"
      R"("principal":"unix:payroll-service","uid":1001,"pid":4242,"rpc":"SessionService/Login",)"
      R"("organization":"00800000000000000081","organizations":2,"credential":"acme-corporation-payables","version":3,"generation":77,)"
      R"("outcome":"UNAVAILABLE","reason":"BILL_UNAVAILABLE","request_id":"request-0000000001",)"
      R"("traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")";
  EXPECT_EQ(line, body + R"(,"mac":")" + AuditMacText(key.MacOf({}, body)) + "\"}\n");
  EXPECT_EQ(mark.sequence, 7u);
  EXPECT_EQ(mark.mac, key.MacOf({}, body));
}

TEST(AuditLineTest, ParsesWrittenLine) {
  const AuditKey key(AuditMasterKey());
  AuditMark mark;
  const AuditMac before = mark.mac;
  const std::string line = WriteAuditLine(key, kTime, SampleEntry(), mark);
  const absl::optional<AuditLine> read = ParseAuditLine(WithoutEnd(line));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->mark.sequence, mark.sequence);
  EXPECT_EQ(read->mark.mac, mark.mac);
  EXPECT_EQ(read->kind, "sign_in");
  EXPECT_TRUE(IsChained(key, before, *read));
  EXPECT_FALSE(IsChained(key, mark.mac, *read));
  EXPECT_FALSE(IsChained(AuditKey(AuditMasterKey('x')), before, *read));
}

TEST(AuditLineTest, EscapesHostileText) {
  AuditEntry entry = SampleEntry("\"}\n{\"sequence\":9,\"mac\":\"\x01\xFF\xC2\x85\xE2\x80\xA8");
  entry.principal = std::string(10'000, '"');
  entry.organization = std::string(255, 'o') + "\xC3\xA9";
  AuditMark mark;
  const std::string line = WriteAuditLine(AuditKey(AuditMasterKey()), kTime, entry, mark);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_LT(line.size(), kLongestAuditLine);
  EXPECT_TRUE(IsUtf8(line));
  const auto read = nlohmann::json::parse(line);
  EXPECT_EQ(read["request_id"], "\"}?{\"sequence\":9,\"mac\":\"????");
  EXPECT_EQ(read["principal"], std::string(kLongestAuditPrincipal, '"'));
  EXPECT_EQ(read["organization"], std::string(255, 'o'));  // no half of a character
}

TEST(AuditLineTest, NoteHoldsItsCause) {
  const AuditKey key(AuditMasterKey());
  AuditMark mark{6, {}};
  const std::string body =
      R"({"sequence":7,"time":"2027-01-15T08:00:00.123456Z","kind":"head_lost","why":"it was lost")";
  EXPECT_EQ(WriteAuditNote(key, kTime, AuditNote::kHeadLost, "it was lost", 0, mark),
            body + R"(,"mac":")" + AuditMacText(key.MacOf({}, body)) + "\"}\n");
}

TEST(AuditLineTest, RejectsMalformedLines) {
  const AuditKey key(AuditMasterKey());
  AuditMark mark;
  const std::string line = WithoutEnd(WriteAuditLine(key, kTime, SampleEntry(), mark));
  const std::string mac = line.substr(line.size() - 74);
  ASSERT_TRUE(ParseAuditLine("{\"sequence\":1,\"kind\":\"x\"" + mac).has_value());
  for (const std::string& bad :
       {std::string(), std::string("{}"), line.substr(1), line + " ",
        line.substr(0, line.size() - 1), "[1" + mac, "{\"sequence\":1" + mac,
        "{\"sequence\":0,\"kind\":\"x\"" + mac, "{\"sequence\":-1,\"kind\":\"x\"" + mac,
        "{\"sequence\":\"1\",\"kind\":\"x\"" + mac, "{\"sequence\":1,\"kind\":2" + mac,
        "{\"sequence\":1,\"kind\":\"x\",\"a\":{}" + mac,
        "{\"sequence\":1,\"kind\":\"continues\"" + mac,
        "{\"sequence\":1,\"kind\":\"continues\",\"previous\":\"ff\"" + mac,
        "{\"sequence\":1,\"kind\":\"" + std::string(kLongestAuditLine, 'x') + "\"" + mac}) {
    EXPECT_FALSE(ParseAuditLine(bad).has_value()) << bad.substr(0, 80);
  }
}

TEST(AuditLineTest, DerivesItsOwnKey) {
  AuditMark a;
  AuditMark b;
  EXPECT_EQ(WriteAuditNote(AuditKey(AuditMasterKey('a')), kTime, AuditNote::kStart, "c", 0, a)
                .find(std::string(32, 'a')),
            std::string::npos);
  (void)WriteAuditNote(AuditKey(AuditMasterKey('b')), kTime, AuditNote::kStart, "c", 0, b);
  EXPECT_NE(a.mac, b.mac);
}

}  // namespace
}  // namespace billbroker
