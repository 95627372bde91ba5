// Checks that the answer to a refused client stays small, and does not depend on how its bytes are
// cut.
#include <string>

#include "server/app/http2_refusal.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using billbroker::Http2Refusal;
  using billbroker::Require;
  constexpr std::size_t kLongestAnswer = 1024;
  const absl::string_view input = billbroker::TextOf(data, size);
  const grpc::Status status(grpc::StatusCode::UNAUTHENTICATED, "the message", "the details");
  Http2Refusal whole(status);
  const std::string answer = whole.Read(input);
  Require(answer.size() <= 2 * size + kLongestAnswer, "the answer is small");
  Http2Refusal cut(status);
  std::string pieces;
  for (const char& byte : input) pieces += cut.Read(absl::string_view(&byte, 1));
  if (size <= Http2Refusal::kMostBytes) Require(pieces == answer, "the answer is the same");
  return 0;
}
