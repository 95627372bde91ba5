// The answer to a caller that is refused, byte by byte.
#include "server/app/http2_refusal.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr int kHeaders = 1;
constexpr int kSettings = 4;
constexpr int kPing = 6;
constexpr int kContinuation = 9;
constexpr int kEndHeaders = 4;

std::string Frame(int type, int flags, int stream, const std::string& payload) {
  std::string frame;
  for (const int byte : {static_cast<int>(payload.size()) >> 16,
                         static_cast<int>(payload.size()) >> 8, static_cast<int>(payload.size()),
                         type, flags, stream >> 24, stream >> 16, stream >> 8, stream}) {
    frame.push_back(static_cast<char>(byte));
  }
  return frame + payload;
}

// Returns type, flags and stream of each frame in `bytes`.
std::vector<std::string> FramesIn(const std::string& bytes) {
  std::vector<std::string> frames;
  const auto at = [&bytes](std::size_t i) { return static_cast<unsigned char>(bytes.at(i)); };
  for (std::size_t i = 0; i < bytes.size();) {
    frames.push_back(absl::StrCat(at(i + 3), " ", at(i + 4), " ", at(i + 7) << 8 | at(i + 8)));
    i += 9U + (std::size_t{at(i)} << 16 | std::size_t{at(i + 1)} << 8 | at(i + 2));
  }
  return frames;
}

class Http2RefusalTest : public ::testing::Test {
 protected:
  static constexpr char kSettingsSent[] = "4 0 0";
  static constexpr char kSettingsAcknowledged[] = "4 1 0";

  const grpc::Status status_{grpc::StatusCode::UNAUTHENTICATED, "no: 100 %", "details"};
  Http2Refusal refusal_{status_};
};

TEST_F(Http2RefusalTest, AnswersTheFirstCallAndEnds) {
  EXPECT_THAT(FramesIn(refusal_.Read(kPreface)), ElementsAre(kSettingsSent));
  EXPECT_THAT(FramesIn(refusal_.Read(Frame(kSettings, 0, 0, std::string(6, 'x')))),
              ElementsAre(kSettingsAcknowledged));
  EXPECT_FALSE(refusal_.ended());
  const std::string answer = refusal_.Read(Frame(kHeaders, kEndHeaders, 5, "fields"));
  EXPECT_THAT(FramesIn(answer), ElementsAre("1 5 5", "3 0 5", "7 0 0"));
  EXPECT_TRUE(refusal_.ended());
  EXPECT_THAT(answer, HasSubstr("application/grpc"));
  EXPECT_THAT(answer, HasSubstr(absl::StrCat("grpc-status", std::string(1, 2), "16")));
  EXPECT_THAT(answer, HasSubstr("no: 100 %25"));
  EXPECT_THAT(answer, HasSubstr("ZGV0YWlscw")) << "the details, in Base64 without padding";
  EXPECT_THAT(answer, EndsWith(std::string("\0\0\0\5\0\0\0\0", 8)));
  EXPECT_THAT(refusal_.Read(Frame(kHeaders, kEndHeaders, 7, "fields")), IsEmpty());
}

TEST_F(Http2RefusalTest, GivesTheSameAnswerByteByByte) {
  const std::string sent = absl::StrCat(
      kPreface, Frame(kSettings, 0, 0, std::string(12, 'x')), Frame(kSettings, 1, 0, ""),
      Frame(kPing, 0, 0, "12345678"), Frame(8, 0, 0, "1234"), Frame(kHeaders, 0, 1, "some "),
      Frame(kContinuation, 0, 1, "more "), Frame(kContinuation, kEndHeaders, 1, "fields"));
  const std::string whole = Http2Refusal(status_).Read(sent);
  std::string pieces;
  for (const char byte : sent) pieces += refusal_.Read(std::string(1, byte));
  EXPECT_EQ(pieces, whole);
  EXPECT_THAT(FramesIn(whole), ElementsAre(kSettingsSent, kSettingsAcknowledged, "6 1 0", "1 5 1",
                                           "3 0 1", "7 0 0"));
  EXPECT_THAT(whole, HasSubstr("12345678"));
}

TEST_F(Http2RefusalTest, EndsForOtherProtocols) {
  EXPECT_THAT(refusal_.Read("GET / HTTP/1.1\r\n\r\n"), IsEmpty());
  EXPECT_TRUE(refusal_.ended());
}

TEST_F(Http2RefusalTest, EndsForBrokenFrames) {
  const std::vector<std::string> broken = {
      Frame(kHeaders, kEndHeaders, 2, ""),       // a stream of the server's
      Frame(kHeaders, kEndHeaders, 0, ""),       // of the connection
      Frame(kContinuation, kEndHeaders, 1, ""),  // without HEADERS
      Frame(kContinuation, kEndHeaders, 0, ""),
      Frame(0, 0, 1, std::string((16 << 10) + 1, 'x')),
      Frame(kHeaders, 0, 1, "") + Frame(kHeaders, kEndHeaders, 3, ""),
  };
  for (const std::string& frames : broken) {
    Http2Refusal refusal(status_);
    EXPECT_THAT(FramesIn(refusal.Read(kPreface + frames)), ElementsAre(kSettingsSent));
    EXPECT_TRUE(refusal.ended());
  }
}

TEST_F(Http2RefusalTest, EndsForCallersThatOnlySend) {
  std::size_t answered = refusal_.Read(kPreface).size();
  const std::string settings = Frame(kSettings, 0, 0, "");
  for (std::size_t sent = 0; sent <= Http2Refusal::kMostBytes; sent += settings.size()) {
    answered += refusal_.Read(settings).size();
  }
  EXPECT_TRUE(refusal_.ended());
  EXPECT_LE(answered, Http2Refusal::kMostBytes + settings.size());
}

}  // namespace
}  // namespace billbroker
