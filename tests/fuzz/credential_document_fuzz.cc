// A document that is read is written as one that reads the same.
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
  Require(again.ok(), "what is written is read");
  Require(SameCredential(**read, **again), "it reads the same");
  Require(WriteDocument(**again) == written, "it is written the same");
  return 0;
}
