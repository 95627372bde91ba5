// CurlLoop: the thread with the libcurl multi handle that runs every call to BILL.
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

// Thread-safe. Every transfer is answered, and all posted work runs, exactly once on its thread and
// without a lock held.
//
// The constructor clears SSLKEYLOGFILE from the process's environment, because libcurl would write
// the keys of every connection to that file: construct it before other threads read the
// environment. The destructor answers all calls in progress with kUnavailable, and then the calls
// that those answers start.
class CurlLoop final {
 public:
  // `clock` is borrowed.
  CurlLoop(const CurlOptions& options, const Clock& clock);
  ~CurlLoop();
  CurlLoop(const CurlLoop&) = delete;
  CurlLoop& operator=(const CurlLoop&) = delete;

  // Starts a call. `environment` is borrowed until the answer.
  void Start(const Environment& environment, HttpRequest request, Transfer::Done done);

  void Post(absl::AnyInvocable<void()> work);

 private:
  struct MultiDeleter {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };
  struct ShareDeleter {
    void operator()(CURLSH* share) const { curl_share_cleanup(share); }
  };
  // The calls of one environment. They wait here and not inside libcurl, because
  // CURLOPT_TIMEOUT_MS would include the wait.
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
  void Wake() { curl_multi_wakeup(multi_.get()); }

  const CurlOptions options_;
  const Clock& clock_;
  std::unique_ptr<CURLSH, ShareDeleter> share_;  // the TLS sessions that a call may resume
  std::unique_ptr<CURLM, MultiDeleter> multi_;

  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::unique_ptr<Transfer>> arrived_ ABSL_GUARDED_BY(mutex_);
  std::vector<absl::AnyInvocable<void()>> posted_ ABSL_GUARDED_BY(mutex_);

  // Used by the thread only.
  std::map<std::string, Lane> lanes_;  // by environment
  absl::flat_hash_map<CURL*, Running> running_;

  std::thread thread_;
};

}  // namespace billbroker
