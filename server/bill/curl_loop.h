// CurlLoop: one thread with one libcurl multi handle, on which every call to BILL runs.
#pragma once

#include <curl/curl.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "server/bill/curl_options.h"
#include "server/bill/environment.h"
#include "server/bill/http_request.h"
#include "server/bill/transfer.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Thread-safe. Everything given to it is answered, or run, exactly once on its thread, without a
// lock held.
//
// The constructor clears SSLKEYLOGFILE from the process's environment, which would have libcurl
// write every connection's keys to a file: make it before other threads read the environment. The
// destructor answers what is under way with kUnavailable, and what such an answer calls for too.
class CurlLoop final {
 public:
  // `clock` is borrowed.
  CurlLoop(const CurlOptions& options, const Clock& clock);
  ~CurlLoop();
  CurlLoop(const CurlLoop&) = delete;
  CurlLoop& operator=(const CurlLoop&) = delete;

  // `environment` is borrowed until the answer.
  void Start(const Environment& environment, HttpRequest request, Transfer::Done done);

  void Post(absl::AnyInvocable<void()> work);

 private:
  struct MultiDeleter {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };
  // libcurl's CURLOPT_TIMEOUT_MS counts the time that a transfer waits inside libcurl. So none
  // does: they wait here, those of each environment for themselves.
  struct Lane {
    int running = 0;
    std::deque<std::unique_ptr<Transfer>> waiting;
  };
  struct Running {
    CurlEasy easy;
    std::unique_ptr<Transfer> transfer;
    Lane* lane = nullptr;
  };

  void Loop();
  bool TakeArrived();  // false once the loop is to stop
  void StartWaiting(Lane& lane);
  void StartOne(Lane& lane, std::unique_ptr<Transfer> transfer);
  void FinishDone();
  void GiveUpAll();
  CurlEasy TakeEasy();
  void Wake() { curl_multi_wakeup(multi_.get()); }

  const CurlOptions options_;
  const Clock& clock_;
  std::unique_ptr<CURLM, MultiDeleter> multi_;

  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::unique_ptr<Transfer>> arrived_ ABSL_GUARDED_BY(mutex_);
  std::vector<absl::AnyInvocable<void()>> posted_ ABSL_GUARDED_BY(mutex_);

  // The thread's own.
  std::map<std::string, Lane> lanes_;  // by environment
  absl::flat_hash_map<CURL*, Running> running_;
  // Handles at rest, each with the TLS sessions that it may resume.
  std::vector<CurlEasy> idle_;

  std::thread thread_;
};

}  // namespace billbroker
