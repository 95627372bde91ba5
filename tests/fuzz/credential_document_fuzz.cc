// Checks that a parsed document survives a round trip.
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/sample_credentials.h"
#include "vault/document.h"

using billbroker::ReadDocument;
using billbroker::Require;
using billbroker::SecretString;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = ReadDocument("acme", SecretString::CopyOf(billbroker::TextOf(data, size)));
  if (!read.ok()) return 0;
  const SecretString written = WriteDocument(**read);
  const auto again = ReadDocument("acme", written);
  Require(again.ok(), "a written document is read");
  Require(SameCredential(**read, **again), "a document survives a round trip");
  Require(WriteDocument(**again) == written, "the written text is stable");
  return 0;
}
