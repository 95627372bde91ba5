#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <functional>
#include <latch>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "proto/status.h"
#include "tests/bench/benches.h"
#include "tests/bench/scale_broker.h"
#include "tests/support/await.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ScaleStub = v1::SessionService::Stub;

// How many calls of each kind one round makes.
struct ScaleCalls {
  int hits;
  int refused_joins;
  int kept_joins;  // at once
  int pages;
  int statuses;
};
constexpr ScaleCalls kScaleFull = {2000, 500, 50, 200, 500};
constexpr ScaleCalls kScaleQuick = {20, 10, 5, 10, 5};
constexpr int kScaleRounds = 7;
constexpr int kPageSize = 100;
// Earlier than the turn of the waiting slot: the caller joins, is refused and leaves.
constexpr absl::Duration kRefusedDeadline = absl::Minutes(1);
// Later than its turn: the caller joins and waits.
constexpr absl::Duration kKeptDeadline = absl::Minutes(4);

// The median time of one call of each kind, in microseconds.
using Times = std::map<std::string, double>;

absl::Status GetOnce(ScaleStub& stub, const std::string& organization_id, absl::Duration deadline) {
  v1::GetSessionRequest request;
  request.set_organization_id(organization_id);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + deadline));
  v1::GetSessionResponse response;
  return FromGrpcStatus(stub.GetSession(&context, request, &response));
}

// Returns the median time of `calls` calls of `call`, one after the other.
absl::StatusOr<double> MedianTime(int calls, const std::function<absl::Status(int)>& call) {
  std::vector<double> microseconds;
  for (int n = 0; n < calls; ++n) {
    const absl::Time began = absl::Now();
    if (absl::Status status = call(n); !status.ok()) return status;
    microseconds.push_back(absl::ToDoubleMicroseconds(absl::Now() - began));
  }
  return Median(std::move(microseconds));
}

absl::Status GetRefused(ScaleStub& stub) {
  const absl::Status status = GetOnce(stub, ScaleBroker::WaitingOrganization(), kRefusedDeadline);
  if (HasReason(status, Reason::kLoginBudgetSpent)) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("a caller that cannot wait was not refused: ", status.ToString()));
}

// A call that waits until it is cancelled.
class KeptCall final {
 public:
  explicit KeptCall(ScaleStub& stub) {
    request_.set_organization_id(ScaleBroker::WaitingOrganization());
    context_.set_deadline(absl::ToChronoTime(absl::Now() + kKeptDeadline));
    stub.async()->GetSession(&context_, &request_, &response_,
                             [this](const grpc::Status& /*status*/) { ended_.count_down(); });
  }
  ~KeptCall() {
    context_.TryCancel();
    ended_.wait();
  }
  KeptCall(const KeptCall&) = delete;
  KeptCall& operator=(const KeptCall&) = delete;

 private:
  grpc::ClientContext context_;
  v1::GetSessionRequest request_;
  v1::GetSessionResponse response_;
  std::latch ended_{1};
};

// Returns the time that each of `calls` calls takes to become a waiter, if they come together.
absl::StatusOr<double> KeptJoinTime(const ScaleBroker& broker, ScaleStub& stub, int calls) {
  const int before = broker.CountWaitingCallers();
  const absl::Time began = absl::Now();
  std::vector<std::unique_ptr<KeptCall>> kept;
  for (int n = 0; n < calls; ++n) kept.push_back(std::make_unique<KeptCall>(stub));
  while (broker.CountWaitingCallers() < before + calls) {
    if (absl::Now() - began > kRefusedDeadline) {
      return absl::DeadlineExceededError("not all callers have joined");
    }
  }
  return absl::ToDoubleMicroseconds(absl::Now() - began) / calls;
}

// Reads the pages of ListSessions in turn, and begins again after the last one.
class PageReader final {
 public:
  explicit PageReader(ScaleStub& stub) : stub_(stub) {}

  absl::Status Next() {
    v1::ListSessionsRequest request;
    request.set_page_size(kPageSize);
    request.set_page_token(token_);
    grpc::ClientContext context;
    v1::ListSessionsResponse response;
    const absl::Status status = FromGrpcStatus(stub_.ListSessions(&context, request, &response));
    token_ = response.next_page_token();
    return status;
  }

 private:
  ScaleStub& stub_;
  std::string token_;
};

absl::Status ReadStatus(ScaleStub& stub) {
  grpc::ClientContext context;
  v1::GetStatusResponse response;
  return FromGrpcStatus(stub.GetStatus(&context, v1::GetStatusRequest(), &response));
}

absl::StatusOr<Times> MeasureScale(const ScaleBroker& broker, ScaleStub& stub,
                                   const ScaleCalls& calls) {
  PageReader pages(stub);
  // Far apart, so that the slots of two calls in a row share no memory.
  const auto hit = [&](int n) {
    return GetOnce(stub, broker.LiveOrganization(n * 7919), kRefusedDeadline);
  };
  const std::pair<const char*, absl::StatusOr<double>> medians[] = {
      {"hit", MedianTime(calls.hits, hit)},
      {"refused join",
       MedianTime(calls.refused_joins, [&stub](int /*n*/) { return GetRefused(stub); })},
      {"kept join", KeptJoinTime(broker, stub, calls.kept_joins)},
      {"page", MedianTime(calls.pages, [&pages](int /*n*/) { return pages.Next(); })},
      {"status", MedianTime(calls.statuses, [&stub](int /*n*/) { return ReadStatus(stub); })},
  };
  Times times;
  for (const auto& [kind, median] : medians) {
    if (!median.ok()) return median.status();
    times[kind] = *median;
  }
  return times;
}

struct Size {
  std::unique_ptr<ScaleBroker> broker;
  std::unique_ptr<ScaleStub> stub;
  std::vector<Times> rounds;
};

// Prints the median time at each size, and returns the median of the rounds' ratios of the largest
// size to the smallest.
double RatioOf(const std::vector<Size>& sizes, const std::string& kind) {
  std::string line = absl::StrCat(kind, ":");
  for (const Size& size : sizes) {
    std::vector<double> times;
    for (const Times& round : size.rounds) times.push_back(round.at(kind));
    absl::StrAppendFormat(&line, " %.0f us with %d slots,", Median(std::move(times)),
                          size.broker->slots());
  }
  std::vector<double> ratios;
  for (std::size_t round = 0; round < sizes.front().rounds.size(); ++round) {
    ratios.push_back(sizes.back().rounds[round].at(kind) / sizes.front().rounds[round].at(kind));
  }
  Say(absl::StrCat(line, " the last by the first ", WithSpread(ratios)));
  return Median(std::move(ratios));
}

}  // namespace

absl::StatusOr<Figures> BenchScale(const BenchOptions& options) {
  const std::vector<int> slots =
      options.quick ? std::vector<int>{40, 80, 400} : std::vector<int>{1000, 10'000, 100'000};
  std::vector<Size> sizes;
  for (const int count : slots) {
    const absl::Time began = absl::Now();
    absl::StatusOr<std::unique_ptr<ScaleBroker>> broker = ScaleBroker::Start(count);
    if (!broker.ok()) return broker.status();
    Say(absl::StrFormat("%d slots made in %.1f s", count,
                        absl::ToDoubleSeconds(absl::Now() - began)));
    auto stub = std::make_unique<ScaleStub>((*broker)->channel());
    sizes.push_back({*std::move(broker), std::move(stub), {}});
  }
  // Each round measures every size, and each starts with another one, so that other work of the
  // machine affects all sizes alike.
  const int rounds = options.quick ? 1 : kScaleRounds;
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      Size& size = sizes[(i + static_cast<std::size_t>(round)) % sizes.size()];
      const absl::StatusOr<Times> times =
          MeasureScale(*size.broker, *size.stub, options.quick ? kScaleQuick : kScaleFull);
      if (!times.ok()) return times.status();
      size.rounds.push_back(*times);
    }
  }
  const double refused_join = RatioOf(sizes, "refused join");
  return Figures{{"hit_100k_vs_1k", RatioOf(sizes, "hit")},
                 {"join_100k_vs_1k", std::max(refused_join, RatioOf(sizes, "kept join"))},
                 {"page_100k_vs_1k", RatioOf(sizes, "page")},
                 {"status_100k_vs_1k", RatioOf(sizes, "status")}};
}

}  // namespace billbroker
