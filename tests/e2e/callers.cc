// callers: gets one organization's session from many threads at once, and prints a summary of the
// responses.
//
//   callers SOCKET ORGANIZATION COUNT
//
// Prints one line of key=value pairs. The exit code is 0 if every caller received a session.
#include <atomic>
#include <iostream>
#include <latch>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/session_client.h"

int main(int argc, char** argv) {
  int count = 0;
  if (argc != 4 || !absl::SimpleAtoi(argv[3], &count) || count < 1 || count > 10'000) {
    std::cerr << "usage: callers SOCKET ORGANIZATION COUNT\n";
    return 2;
  }
  billbroker::ClientOptions options;
  options.address = absl::StrCat("unix:", argv[1]);
  const auto client = billbroker::SessionClient::Connect(options);
  if (!client.ok()) {
    std::cerr << client.status().message() << "\n";
    return 2;
  }
  std::latch start(count);
  std::mutex mutex;
  std::set<std::uint64_t> generations;
  std::string last_error;
  int answered = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      const auto session = (*client)->GetSession(argv[2]);
      const std::lock_guard lock(mutex);
      if (session.ok()) {
        ++answered;
        generations.insert(session->generation);
      } else {
        last_error = std::string(session.status().message());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::cout << "callers=" << count << " answered=" << answered
            << " generations=" << generations.size() << "\n";
  if (!last_error.empty()) std::cerr << last_error << "\n";
  return answered == count ? 0 : 1;
}
