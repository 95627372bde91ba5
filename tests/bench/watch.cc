#include <grpcpp/grpcpp.h>

#include <latch>
#include <memory>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "tests/bench/bench_environment.h"
#include "tests/bench/benches.h"
#include "tests/simulator/generated_world.h"
#include "tests/support/await.h"
#include "vault/base/mutex.h"

namespace billbroker {
namespace {

constexpr BenchWorld kWorld;
constexpr int kRounds = 5;

// Counts the streams that were told what they await, and knows when the last one was.
class Audience final {
 public:
  void Await(int streams) {
    MutexLock lock(mutex_);
    missing_ = streams;
  }
  void Told() {
    MutexLock lock(mutex_);
    if (--missing_ == 0) last_ = absl::Now();
  }
  [[nodiscard]] absl::StatusOr<absl::Time> LastTold() {
    const auto all_told = [this] {
      MutexLock lock(mutex_);
      return missing_ <= 0;
    };
    const bool all = Await(all_told, "an update on each stream");
    MutexLock lock(mutex_);
    if (!all) return absl::DeadlineExceededError(absl::StrCat(missing_, " streams heard nothing"));
    return last_;
  }

 private:
  Mutex mutex_;
  int missing_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time last_ ABSL_GUARDED_BY(mutex_);
};

// One WatchSessions: tells the audience of the complete state, then of each new generation.
class Stream final : public grpc::ClientReadReactor<v1::WatchSessionsResponse> {
 public:
  Stream(v1::SessionService::Stub& stub, const std::string& organization_id, Audience& audience)
      : audience_(audience) {
    request_.add_organizations()->set_organization_id(organization_id);
    stub.async()->WatchSessions(&context_, &request_, this);
    StartRead(&response_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    const std::uint64_t generation = response_.update().session().generation();
    if (response_.has_complete()) {
      complete_ = true;
      audience_.Told();
    } else if (generation > generation_) {
      generation_ = generation;
      if (complete_) audience_.Told();
    }
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& /*status*/) override { ended_.count_down(); }

  void End() {
    context_.TryCancel();
    ended_.wait();
  }

 private:
  Audience& audience_;
  grpc::ClientContext context_;
  v1::WatchSessionsRequest request_;
  v1::WatchSessionsResponse response_;
  std::uint64_t generation_ = 0;
  bool complete_ = false;
  std::latch ended_{1};
};

// From the moment that a sign-in is forced until each stream was told of its session.
absl::StatusOr<std::vector<double>> TellAll(TestEnvironment& env,
                                            const std::string& organization_id, int streams,
                                            Audience& audience) {
  std::vector<double> told_ms;
  for (int round = 0; round < kRounds; ++round) {
    audience.Await(streams);
    const absl::Time began = absl::Now();
    LoginOptions forced;
    forced.force = true;
    if (const auto login = env.admin().Login(organization_id, forced); !login.ok()) {
      return login.status();
    }
    const absl::Duration signed_in = absl::Now() - began;
    const absl::StatusOr<absl::Time> last = audience.LastTold();
    if (!last.ok()) return last.status();
    told_ms.push_back(absl::ToDoubleMilliseconds(*last - began));
    Say(absl::StrFormat("%d streams were told within %.0f ms; the sign-in took %.0f ms of them",
                        streams, told_ms.back(), absl::ToDoubleMilliseconds(signed_in)));
  }
  return told_ms;
}

}  // namespace

absl::StatusOr<Figures> BenchWatch(const BenchOptions& options) {
  const int streams = options.quick ? 20 : 1000;
  const std::string organization_id = billsim::GeneratedOrganizationId(0);
  TestEnvironment env(OptionsFor(kWorld));
  env.StartBroker();
  if (absl::Status status = CreateCredentials(env, kWorld); !status.ok()) return status;
  if (absl::Status status = GetAll(env, kWorld); !status.ok()) return status;
  const auto channel = ConnectTo(env.socket());
  if (!channel.ok()) return channel.status();
  v1::SessionService::Stub stub(*channel);

  Audience audience;
  audience.Await(streams);
  std::vector<std::unique_ptr<Stream>> watching;
  for (int i = 0; i < streams; ++i) {
    watching.push_back(std::make_unique<Stream>(stub, organization_id, audience));
  }
  const absl::Cleanup end = [&watching] {
    for (const std::unique_ptr<Stream>& stream : watching) stream->End();
  };
  if (const absl::StatusOr<absl::Time> all = audience.LastTold(); !all.ok()) return all.status();
  const absl::StatusOr<std::vector<double>> told_ms =
      TellAll(env, organization_id, streams, audience);
  if (!told_ms.ok()) return told_ms.status();
  return Figures{{"all_told_ms", Median(*told_ms)}};
}

}  // namespace billbroker
