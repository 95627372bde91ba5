#include "tests/bench/memory_scan.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bitset>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace billbroker {
namespace {

constexpr std::size_t kChunkBytes = 1 << 20;

template <typename Word>
Word Load(const char* bytes) {
  Word word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// Searches for all texts in one pass.
class Matcher final {
 public:
  explicit Matcher(const std::vector<std::string>& texts) : texts_(texts), counts_(texts.size()) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      by_start_[Load<std::uint64_t>(texts[i].data())].push_back(i);
      starts_.set(Load<std::uint16_t>(texts[i].data()));
      longest_ = std::max(longest_, texts[i].size());
    }
  }

  // Counts the texts that begin in the first `starts` bytes.
  void Count(absl::string_view bytes, std::size_t starts) {
    const std::size_t end = std::min(starts, bytes.size() - std::min<std::size_t>(bytes.size(), 7));
    for (std::size_t at = 0; at < end; ++at) {
      if (!starts_.test(Load<std::uint16_t>(bytes.data() + at))) continue;
      const auto found = by_start_.find(Load<std::uint64_t>(bytes.data() + at));
      if (found == by_start_.end()) continue;
      for (const std::size_t i : found->second) {
        if (absl::StartsWith(bytes.substr(at), texts_[i])) ++counts_[i];
      }
    }
  }

  [[nodiscard]] std::size_t longest() const { return longest_; }
  [[nodiscard]] const std::vector<int>& counts() const { return counts_; }

 private:
  const std::vector<std::string>& texts_;
  absl::flat_hash_map<std::uint64_t, std::vector<std::size_t>> by_start_;
  std::bitset<1 << 16> starts_;
  std::size_t longest_ = 0;
  std::vector<int> counts_;
};

struct Mapping {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

std::vector<Mapping> WritableMappings(pid_t pid) {
  std::vector<Mapping> mappings;
  std::ifstream maps(absl::StrCat("/proc/", pid, "/maps"));
  for (std::string line; std::getline(maps, line);) {
    Mapping mapping;
    char readable = '-';
    char writable = '-';
    const int read = std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %c%c", &mapping.begin,
                                 &mapping.end, &readable, &writable);
    if (read == 4 && readable == 'r' && writable == 'w') mappings.push_back(mapping);
  }
  return mappings;
}

absl::Status ScanMapping(int memory, const Mapping& mapping, Matcher& matcher) {
  // Each chunk overlaps the next one by the length of the longest text.
  std::string chunk(kChunkBytes + matcher.longest(), '\0');
  for (std::uint64_t at = mapping.begin; at < mapping.end; at += kChunkBytes) {
    const std::size_t wanted = std::min<std::uint64_t>(chunk.size(), mapping.end - at);
    const ssize_t got = ::pread(memory, chunk.data(), wanted, static_cast<off_t>(at));
    if (got != static_cast<ssize_t>(wanted)) {
      return absl::InternalError("a mapping cannot be read to its end");
    }
    matcher.Count({chunk.data(), wanted}, kChunkBytes);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<int>> CountInMemory(pid_t pid, const std::vector<std::string>& texts) {
  const std::vector<Mapping> mappings = WritableMappings(pid);
  const int memory = ::open(absl::StrCat("/proc/", pid, "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  if (memory < 0 || mappings.empty()) {
    return absl::PermissionDeniedError(
        "the broker's memory cannot be read: run this as root with CAP_SYS_PTRACE");
  }
  const absl::Cleanup close = [memory] { ::close(memory); };
  Matcher matcher(texts);
  for (const Mapping& mapping : mappings) {
    if (absl::Status status = ScanMapping(memory, mapping, matcher); !status.ok()) return status;
  }
  return matcher.counts();
}

}  // namespace billbroker
