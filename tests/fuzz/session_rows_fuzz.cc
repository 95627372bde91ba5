// The first byte selects the kind of the row. The rest is its payload, and also its sealed form.
// Checks that a parsed payload survives a round trip, sealed or not, and that a row that this
// broker did not seal is not read.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/session/sqlite/row_json.h"
#include "server/session/sqlite/stored_row.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/sample_store.h"

namespace billbroker {
namespace {

const RowCodec& Codec() {
  static const RowCodec codec(SecretString::CopyOf(std::string(32, 'k')), "this boot");
  return codec;
}

// Returns a row with the columns of its kind.
StoredSlot Empty(const StoredSlot* /*kind*/) {
  return {"uid", "00800000000000000081", 7, nullptr, 0};
}
StoredAttempt Empty(const StoredAttempt* /*kind*/) {
  StoredAttempt attempt;
  attempt.id = "attempt";
  return attempt;
}
StoredQuarantine Empty(const StoredQuarantine* /*kind*/) { return {}; }
StoredAuditHead Empty(const StoredAuditHead* /*kind*/) { return {}; }
StoredAcceptedSecret Empty(const StoredAcceptedSecret* /*kind*/) { return {}; }
StoredSuspension Empty(const StoredSuspension* /*kind*/) { return {}; }

template <typename Row>
void Check(absl::string_view text) {
  const Row* kind = nullptr;
  Row read = Empty(kind);
  if (!ReadPayload(SecretString::CopyOf(text), read)) return;
  const SecretString written = WritePayload(read);
  Row again = Empty(kind);
  Require(ReadPayload(written, again), "a written row is read");
  const std::string description = Describe(read);
  Require(Describe(again) == description, "a row survives a round trip");
  Require(WritePayload(again) == written, "the written payload is stable");

  SealedRow row = Codec().Write(read);
  const auto opened = Codec().Read(row);
  Require(opened.has_value(), "a sealed row is opened");
  Require(Describe(absl::get<Row>(*opened)) == description, "an opened row is the same");
  row.sealed[text.size() % row.sealed.size()] ^= 1;
  Require(!Codec().Read(row).has_value(), "a changed row is not opened");
}

void CheckForged(int kind, absl::string_view sealed) {
  const SealedRow forged = {kind, "uid",       "00800000000000000081",
                            7,    "this boot", std::string(sealed)};
  Require(!Codec().Read(forged).has_value(), "a foreign row is not opened");
}

}  // namespace
}  // namespace billbroker

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const absl::string_view text = billbroker::TextOf(data + 1, size - 1);
  billbroker::CheckForged(data[0] - '0', text);
  if (data[0] == '1') billbroker::Check<billbroker::StoredSlot>(text);
  if (data[0] == '2') billbroker::Check<billbroker::StoredAttempt>(text);
  if (data[0] == '3') billbroker::Check<billbroker::StoredQuarantine>(text);
  if (data[0] == '4') billbroker::Check<billbroker::StoredAuditHead>(text);
  if (data[0] == '5') billbroker::Check<billbroker::StoredAcceptedSecret>(text);
  if (data[0] == '6') billbroker::Check<billbroker::StoredSuspension>(text);
  return 0;
}
