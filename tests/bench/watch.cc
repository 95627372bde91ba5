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

constexpr BenchWorld kWatchWorld;
constexpr int kWatchRounds = 5;
// Half of the calls that the broker takes on a connection. A call beyond its limit is queued in the
// client until a stream ends, which a watch never does.
constexpr int kStreamsPerConnection = 500;

// Counts the streams that have not received the awaited update yet. Thread-safe.
class UpdateCounter final {
 public:
  void Expect(int streams) {
    MutexLock lock(mutex_);
    missing_ = streams;
  }
  void OnUpdate() {
    MutexLock lock(mutex_);
    if (--missing_ == 0) last_ = absl::Now();
  }
  // Blocks until every stream has received its update. Returns the time of the last one.
  [[nodiscard]] absl::StatusOr<absl::Time> WaitForLast() {
    const bool complete = Await([this] { return missing() <= 0; }, "an update on each stream");
    if (!complete) {
      return absl::DeadlineExceededError(absl::StrCat(missing(), " streams received no update"));
    }
    MutexLock lock(mutex_);
    return last_;
  }

 private:
  [[nodiscard]] int missing() {
    MutexLock lock(mutex_);
    return missing_;
  }

  Mutex mutex_;
  int missing_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time last_ ABSL_GUARDED_BY(mutex_);
};

// One WatchSessions call. Notifies the counter when the initial state is complete, and of each new
// generation after that.
class Stream final : public grpc::ClientReadReactor<v1::WatchSessionsResponse> {
 public:
  Stream(v1::SessionService::Stub& stub, const std::string& organization_id, UpdateCounter& counter)
      : counter_(counter) {
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
      counter_.OnUpdate();
    } else if (generation > generation_) {
      generation_ = generation;
      if (complete_) counter_.OnUpdate();
    }
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& /*status*/) override { ended_.count_down(); }

  void End() {
    context_.TryCancel();
    ended_.wait();
  }

 private:
  UpdateCounter& counter_;
  grpc::ClientContext context_;
  v1::WatchSessionsRequest request_;
  v1::WatchSessionsResponse response_;
  std::uint64_t generation_ = 0;
  bool complete_ = false;
  std::latch ended_{1};
};

using Stubs = std::vector<std::unique_ptr<v1::SessionService::Stub>>;

// Returns enough connections for `streams`, none of them shared with the environment's clients.
absl::StatusOr<Stubs> Connect(const TestEnvironment& env, int streams) {
  Stubs stubs;
  for (int first = 0; first < streams; first += kStreamsPerConnection) {
    const auto channel = ConnectSeparately(env.socket());
    if (!channel.ok()) return channel.status();
    stubs.push_back(v1::SessionService::NewStub(*channel));
  }
  return stubs;
}

// Returns, for each round, the milliseconds from the start of a forced sign-in until each stream
// has received its session.
absl::StatusOr<std::vector<double>> MeasureRounds(TestEnvironment& env,
                                                  const std::string& organization_id, int streams,
                                                  UpdateCounter& counter) {
  std::vector<double> all_told_ms;
  for (int round = 0; round < kWatchRounds; ++round) {
    counter.Expect(streams);
    const absl::Time began = absl::Now();
    LoginOptions forced;
    forced.force = true;
    if (const auto login = env.admin().Login(organization_id, forced); !login.ok()) {
      return login.status();
    }
    const absl::Duration signed_in = absl::Now() - began;
    const absl::StatusOr<absl::Time> last = counter.WaitForLast();
    if (!last.ok()) return last.status();
    all_told_ms.push_back(absl::ToDoubleMilliseconds(*last - began));
    Say(absl::StrFormat("%d streams were notified within %.0f ms, including the sign-in of %.0f ms",
                        streams, all_told_ms.back(), absl::ToDoubleMilliseconds(signed_in)));
  }
  return all_told_ms;
}

}  // namespace

absl::StatusOr<Figures> BenchWatch(const BenchOptions& options) {
  const int streams = options.quick ? 20 : 1000;
  const std::string organization_id = billsim::GeneratedOrganizationId(0);
  TestEnvironment env(OptionsFor(kWatchWorld));
  env.StartBroker();
  if (absl::Status status = CreateCredentials(env, kWatchWorld); !status.ok()) return status;
  if (absl::Status status = GetAll(env, kWatchWorld); !status.ok()) return status;
  const absl::StatusOr<Stubs> stubs = Connect(env, streams);
  if (!stubs.ok()) return stubs.status();

  UpdateCounter counter;
  counter.Expect(streams);
  std::vector<std::unique_ptr<Stream>> watching;
  for (int i = 0; i < streams; ++i) {
    v1::SessionService::Stub& stub = *(*stubs)[static_cast<std::size_t>(i / kStreamsPerConnection)];
    watching.push_back(std::make_unique<Stream>(stub, organization_id, counter));
  }
  const absl::Cleanup end = [&watching] {
    for (const std::unique_ptr<Stream>& stream : watching) stream->End();
  };
  if (const absl::StatusOr<absl::Time> all = counter.WaitForLast(); !all.ok()) return all.status();
  const absl::StatusOr<std::vector<double>> all_told_ms =
      MeasureRounds(env, organization_id, streams, counter);
  if (!all_told_ms.ok()) return all_told_ms.status();
  return Figures{{"all_told_ms", Median(*all_told_ms)}};
}

}  // namespace billbroker
