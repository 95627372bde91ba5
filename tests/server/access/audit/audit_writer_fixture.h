// AuditWriterTest: an AuditWriter on a FakeAuditFile and a FakeAuditHead.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "server/access/audit/audit_writer.h"
#include "tests/server/access/audit/audit_harness.h"

namespace billbroker {

class AuditWriterTest : public ::testing::Test {
 protected:
  AuditWriterTest() { Restart(); }

  // Replaces the writer, as a new process does.
  void Restart() {
    writer_ =
        std::make_unique<AuditWriter>(AuditKey(AuditMasterKey()), file_, head_, clock_, random_);
  }
  absl::Status Write(int entries = 1, std::uint64_t dropped = 0) {
    const AuditRecord record{clock_.Now(), SampleEntry()};
    return writer_->Commit(std::vector<const AuditRecord*>(entries, &record), dropped);
  }
  // Returns the kind of each line of the file.
  [[nodiscard]] std::vector<std::string> Kinds() const {
    std::vector<std::string> kinds;
    for (const std::string& line : LinesOf(file_.contents())) {
      kinds.push_back(nlohmann::json::parse(line)["kind"]);
    }
    return kinds;
  }
  [[nodiscard]] nlohmann::json Line(int number) const {
    return nlohmann::json::parse(LinesOf(file_.contents()).at(number - 1));
  }
  // Returns the verifier's findings in all files in order, with the stored head.
  [[nodiscard]] std::vector<std::string> Findings() const {
    std::vector<std::string> files = file_.moved();
    files.push_back(file_.contents());
    return Verified(files, head_.mark());
  }

  ManualClock clock_;
  SeededRandom random_;
  FakeAuditFile file_;
  FakeAuditHead head_;
  std::unique_ptr<AuditWriter> writer_;
};

}  // namespace billbroker
