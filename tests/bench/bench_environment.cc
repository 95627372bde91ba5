#include "tests/bench/bench_environment.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "nlohmann/json.hpp"
#include "proto/status.h"
#include "tests/simulator/generated_world.h"
#include "vault/base/mutex.h"

namespace billbroker {
namespace {

constexpr int kNoLimit = 1'000'000;  // per hour
constexpr int kBatch = 1000;
constexpr int kCallers = 10;
constexpr absl::Duration kBatchTimeout = absl::Minutes(10);
constexpr absl::Duration kChangeTimeout = absl::Minutes(2);

absl::Status GetBatch(v1::SessionService::Stub& stub, int first, int end) {
  v1::BatchGetSessionsRequest request;
  for (int n = first; n < end; ++n) {
    request.add_requests()->set_organization_id(billsim::GeneratedOrganizationId(n));
  }
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kBatchTimeout));
  v1::BatchGetSessionsResponse response;
  if (const grpc::Status status = stub.BatchGetSessions(&context, request, &response);
      !status.ok()) {
    return FromGrpcStatus(status);
  }
  for (const v1::SessionOutcome& outcome : response.outcomes()) {
    if (!outcome.has_session()) return absl::InternalError(outcome.error().message());
  }
  return absl::OkStatus();
}

}  // namespace

TestEnvironment::Options OptionsFor(const BenchWorld& world) {
  TestEnvironment::Options options;
  options.data = nlohmann::json({{"generate",
                                  {{"organizations", world.organizations},
                                   {"users", world.users},
                                   {"dev_keys", world.users}}},
                                 {"settings",
                                  {{"sign_ins_per_hour", kNoLimit}, {"calls_per_hour", kNoLimit}}}})
                     .dump();
  // Long enough for a machine on which simulator and broker share the cores, and a busy disk.
  options.bill_connect_timeout = absl::Minutes(1);
  options.bill_timeout = absl::Minutes(1);
  options.config = absl::StrFormat(
      "[sign_ins]\nper_hour = %d\nmax_parallel = 64\nmax_parallel_per_dev_key = 64\n"
      "[audit]\nlongest_wait = \"30s\"\n",
      kNoLimit);
  return options;
}

absl::Status CreateCredentials(TestEnvironment& env, const BenchWorld& world) {
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = ConnectTo(env.socket());
  if (!channel.ok()) return channel.status();
  ClientOptions options;
  options.call_timeout = kChangeTimeout;
  CredentialClient credentials(*channel, options);
  for (int user = 0; user < world.users; ++user) {
    NewCredential credential;
    credential.name = absl::StrCat("user-", user);
    credential.environment = "sandbox";
    credential.username = billsim::GeneratedUsername(user);
    credential.dev_key = SecretString::CopyOf(billsim::GeneratedDevKey(user));
    credential.password = SecretString::CopyOf(billsim::GeneratedSecret(user));
    for (int n = user; n < world.organizations; n += world.users) {
      credential.organizations.push_back({billsim::GeneratedOrganizationId(n), {}});
    }
    if (const auto created = credentials.Create(credential); !created.ok()) return created.status();
  }
  return absl::OkStatus();
}

absl::Status GetAll(const TestEnvironment& env, const BenchWorld& world) {
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = ConnectTo(env.socket());
  if (!channel.ok()) return channel.status();
  v1::SessionService::Stub stub(*channel);
  Mutex mutex;
  absl::Status all;
  std::atomic<int> next = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&] {
      for (int n = next.fetch_add(kBatch); n < world.organizations; n = next.fetch_add(kBatch)) {
        const absl::Status one = GetBatch(stub, n, std::min(n + kBatch, world.organizations));
        MutexLock lock(mutex);
        all.Update(one);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  return all;
}

std::int64_t CountSignIns(TestEnvironment& env) {
  const nlohmann::json total = env.bill().model().CountsJson()["total"];
  return total["sign_ins_succeeded"].get<std::int64_t>() +
         total["sign_ins_failed"].get<std::int64_t>();
}

absl::StatusOr<std::unique_ptr<BareService>> BareService::Start(
    const TestEnvironment& env, const std::string& organization_id,
    const std::vector<std::string>& wrapper) {
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> broker = ConnectTo(env.socket());
  if (!broker.ok()) return broker.status();
  v1::SessionService::Stub stub(*broker);
  grpc::ClientContext context;
  v1::GetSessionRequest request;
  request.set_organization_id(organization_id);
  request.set_include_dev_key(true);
  v1::GetSessionResponse answer;
  if (const grpc::Status status = stub.GetSession(&context, request, &answer); !status.ok()) {
    return FromGrpcStatus(status);
  }
  static int started = 0;
  const std::string socket = env.File(absl::StrCat("bare-", ++started, ".sock"));
  const std::string file = absl::StrCat(socket, ".answer");
  std::ofstream(file, std::ios::binary) << answer.SerializeAsString();
  std::vector<std::string> command = wrapper;
  command.insert(command.end(), {BARE_SERVICE_PROGRAM, socket, file});
  std::unique_ptr<BareService> service(
      new BareService({std::move(command), env.environment(), "", absl::StrCat(socket, ".log")}));
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = ConnectTo(socket);
  if (!channel.ok()) return channel.status();
  service->channel_ = *std::move(channel);
  return service;
}

void BareService::Stop() {
  process_.Signal(SIGTERM);
  process_.Wait();
}

}  // namespace billbroker
