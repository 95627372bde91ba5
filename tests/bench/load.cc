#include "tests/bench/load.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "client/channel.h"
#include "proto/status.h"
#include "vault/base/mutex.h"

namespace billbroker {
namespace {

constexpr absl::Duration kCallTimeout = absl::Minutes(2);

// State that is shared by the lanes of one load.
struct Shared {
  Shared(const std::shared_ptr<grpc::Channel>& channel, const Load& load)
      : stub(channel), calls_left(load.calls), lanes_running(load.in_flight) {
    request.set_organization_id(load.organization_id);
    request.set_include_dev_key(true);
  }

  void Fail(const grpc::Status& status) {
    MutexLock lock(mutex);
    if (error.ok()) error = FromGrpcStatus(status);
    calls_left = 0;
  }

  v1::SessionService::Stub stub;
  v1::GetSessionRequest request;
  std::atomic<int> calls_left;
  std::latch lanes_running;
  Mutex mutex;
  absl::Status error ABSL_GUARDED_BY(mutex);
};

// Makes one call after the other.
class Lane final {
 public:
  explicit Lane(Shared& shared) : shared_(shared) {}

  void CallOrEnd() {
    if (shared_.calls_left.fetch_sub(1) <= 0) return shared_.lanes_running.count_down();
    context_.emplace();
    context_->set_deadline(absl::ToChronoTime(absl::Now() + kCallTimeout));
    began_ = absl::Now();
    shared_.stub.async()->GetSession(&*context_, &shared_.request, &response_,
                                     [this](const grpc::Status& status) { Ended(status); });
  }

  [[nodiscard]] const std::vector<absl::Duration>& latencies() const { return latencies_; }
  [[nodiscard]] absl::Time ended() const { return ended_; }
  [[nodiscard]] const v1::Session& session() const { return response_.session(); }

 private:
  void Ended(const grpc::Status& status) {
    ended_ = absl::Now();
    latencies_.push_back(ended_ - began_);
    if (!status.ok()) shared_.Fail(status);
    CallOrEnd();
  }

  Shared& shared_;
  std::optional<grpc::ClientContext> context_;
  v1::GetSessionResponse response_;
  absl::Time began_;
  absl::Time ended_;
  std::vector<absl::Duration> latencies_;
};

absl::Duration Percentile99(std::vector<absl::Duration> latencies) {
  const auto place = latencies.begin() + static_cast<std::ptrdiff_t>(latencies.size() * 99 / 100);
  std::nth_element(latencies.begin(), place, latencies.end());
  return *place;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> WaitForConnected(
    std::shared_ptr<grpc::Channel> channel, absl::string_view socket) {
  if (!channel->WaitForConnected(absl::ToChronoTime(absl::Now() + kCallTimeout))) {
    return absl::UnavailableError(absl::StrCat("no server answers at ", socket));
  }
  return channel;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> ConnectTo(absl::string_view socket) {
  ClientOptions options;
  options.address = absl::StrCat("unix:", socket);
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = OpenChannel(options);
  if (!channel.ok()) return channel.status();
  return WaitForConnected(*std::move(channel), socket);
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> ConnectSeparately(absl::string_view socket) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return WaitForConnected(grpc::CreateCustomChannel(absl::StrCat("unix:", socket),
                                                    grpc::InsecureChannelCredentials(), arguments),
                          socket);
}

absl::StatusOr<LoadResult> RunLoad(const std::shared_ptr<grpc::Channel>& channel,
                                   const Load& load) {
  Shared shared(channel, load);
  std::vector<std::unique_ptr<Lane>> lanes;
  for (int i = 0; i < load.in_flight; ++i) lanes.push_back(std::make_unique<Lane>(shared));
  const absl::Time began = absl::Now();
  for (const std::unique_ptr<Lane>& lane : lanes) lane->CallOrEnd();
  shared.lanes_running.wait();
  {
    MutexLock lock(shared.mutex);
    if (!shared.error.ok()) return shared.error;
  }
  std::vector<absl::Duration> latencies;
  for (const std::unique_ptr<Lane>& lane : lanes) {
    latencies.insert(latencies.end(), lane->latencies().begin(), lane->latencies().end());
  }
  const auto last = std::max_element(lanes.begin(), lanes.end(), [](const auto& a, const auto& b) {
    return a->ended() < b->ended();
  });
  const google::protobuf::Timestamp& signed_in = (*last)->session().sign_in_time();
  return LoadResult{
      (*last)->ended() - began, Percentile99(std::move(latencies)), (*last)->ended(),
      absl::FromUnixSeconds(signed_in.seconds()) + absl::Nanoseconds(signed_in.nanos())};
}

}  // namespace billbroker
