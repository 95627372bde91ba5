#include "server/bill/curl_loop.h"

#include <pthread.h>
#include <signal.h>

#include <cstdlib>
#include <utility>

namespace billbroker {
namespace {

// libcurl's own timers and Wake() end the wait earlier.
constexpr int kLongestPollMs = 60'000;

// Blocks all signals for this thread. Main handles the process's signals, and with CURLOPT_NOSIGNAL
// a write to a closed socket may raise SIGPIPE.
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

CurlLoop::CurlLoop(const CurlOptions& options, const Clock& clock)
    : options_(options), clock_(clock) {
  unsetenv("SSLKEYLOGFILE");  // before libcurl starts, which reads it once
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) std::abort();
  share_.reset(curl_share_init());
  multi_.reset(curl_multi_init());
  if (share_ == nullptr || multi_ == nullptr) std::abort();
  // One thread uses all handles, so there is no lock function.
  curl_share_setopt(share_.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS,
                    static_cast<long>(options_.max_parallel_calls));
  thread_ = std::thread([this] { Loop(); });
}

CurlLoop::~CurlLoop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
  multi_.reset();
  share_.reset();
  curl_global_cleanup();
}

void CurlLoop::Start(const Environment& environment, HttpRequest request, Transfer::Done done) {
  auto transfer = std::make_unique<Transfer>(environment, std::move(request), clock_.SinceBoot(),
                                             std::move(done));
  {
    MutexLock lock(mutex_);
    arrived_.push_back(std::move(transfer));
  }
  Wake();
}

void CurlLoop::Post(absl::AnyInvocable<void()> work) {
  {
    MutexLock lock(mutex_);
    posted_.push_back(std::move(work));
  }
  Wake();
}

void CurlLoop::Loop() {
  BlockSignals();
  while (TakeArrived()) {
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    FinishDone();
    for (auto& [name, lane] : lanes_) StartWaiting(lane);
    curl_multi_poll(multi_.get(), nullptr, 0, kLongestPollMs, nullptr);
  }
  GiveUpAll();
}

bool CurlLoop::TakeArrived() {
  std::vector<std::unique_ptr<Transfer>> arrived;
  std::vector<absl::AnyInvocable<void()>> posted;
  {
    MutexLock lock(mutex_);
    if (stopping_) return false;
    arrived.swap(arrived_);
    posted.swap(posted_);
  }
  for (auto& work : posted) work();
  for (auto& transfer : arrived) {
    Lane& lane = lanes_[transfer->environment().name];
    if (lane.waiting.size() < static_cast<std::size_t>(options_.max_waiting_calls)) {
      lane.waiting.push_back(std::move(transfer));
      StartWaiting(lane);
    } else {
      transfer->GiveUp("too many calls wait for their turn");
    }
  }
  return true;
}

void CurlLoop::StartWaiting(Lane& lane) {
  while (lane.running < options_.max_parallel_calls && !lane.waiting.empty()) {
    std::unique_ptr<Transfer> transfer = std::move(lane.waiting.front());
    lane.waiting.pop_front();
    if (clock_.SinceBoot() - transfer->arrival() > options_.longest_wait) {
      transfer->GiveUp("waited too long for its turn");
    } else {
      StartOne(lane, std::move(transfer));
    }
  }
}

void CurlLoop::StartOne(Lane& lane, std::unique_ptr<Transfer> transfer) {
  // Not one of an earlier call: newer versions of libcurl keep its request in the handle.
  CurlEasy easy(curl_easy_init());
  if (easy == nullptr || !transfer->Prepare(easy.get(), options_) ||
      curl_easy_setopt(easy.get(), CURLOPT_SHARE, share_.get()) != CURLE_OK ||
      curl_multi_add_handle(multi_.get(), easy.get()) != CURLM_OK) {
    return transfer->GiveUp("libcurl cannot start the call; 7.87 or newer with TLS is needed");
  }
  ++lane.running;
  CURL* key = easy.get();
  running_.emplace(key, Running{std::move(easy), std::move(transfer), &lane});
}

void CurlLoop::FinishDone() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    const auto found = running_.find(message->easy_handle);
    Running done = std::move(found->second);
    running_.erase(found);
    curl_multi_remove_handle(multi_.get(), done.easy.get());
    --done.lane->running;
    done.transfer->Finish(done.easy.get(), code, options_);
    done.easy.reset();  // before the transfer is destroyed: it points into it
  }
}

void CurlLoop::GiveUpAll() {
  constexpr absl::string_view kWhy = "shutting down";
  for (auto& [easy, running] : running_) {
    curl_multi_remove_handle(multi_.get(), easy);
    running.transfer->GiveUp(kWhy);
  }
  running_.clear();
  for (auto& [name, lane] : lanes_) {
    for (auto& transfer : lane.waiting) transfer->GiveUp(kWhy);
  }
  lanes_.clear();
  while (true) {  // calls that the answers above have started
    std::vector<std::unique_ptr<Transfer>> arrived;
    std::vector<absl::AnyInvocable<void()>> posted;
    {
      MutexLock lock(mutex_);
      arrived.swap(arrived_);
      posted.swap(posted_);
    }
    if (arrived.empty() && posted.empty()) return;
    for (auto& work : posted) work();
    for (auto& transfer : arrived) transfer->GiveUp(kWhy);
  }
}

}  // namespace billbroker
