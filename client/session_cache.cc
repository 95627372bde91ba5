#include "client/session_cache.h"

#include <grpcpp/channel.h>

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/session_client.h"
#include "client/session_table.h"
#include "client/watch_loop.h"

namespace billbroker {
namespace {

constexpr int kMostOrganizations = 10'000;  // of one watch

absl::Status Validate(const SessionCacheOptions& options) {
  if (options.max_organizations < 1 || options.max_organizations > kMostOrganizations) {
    return absl::InvalidArgumentError(absl::StrCat(
        "max_organizations is ", options.max_organizations, "; say 1 to ", kMostOrganizations));
  }
  if (options.organizations.size() > static_cast<std::size_t>(options.max_organizations)) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.organizations.size(), " organizations are more than the ",
                     options.max_organizations, " of max_organizations"));
  }
  if (options.first_backoff <= absl::ZeroDuration() ||
      options.longest_backoff < options.first_backoff || options.collect < absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        "first_backoff has to be positive, longest_backoff no shorter, and collect not negative");
  }
  std::set<std::pair<std::string, std::string>> seen;
  for (const WatchedOrganization& watched : options.organizations) {
    if (!seen.emplace(watched.organization_id, watched.credential).second) {
      return absl::InvalidArgumentError(absl::StrCat("organization \"", watched.organization_id,
                                                     "\" is named twice; name each once"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

// The parts that Connect() makes and Create() receives.
struct SessionCache::System {
  SystemClock clock;
  SystemRandom random;
};

class SessionCache::Impl final {
 public:
  Impl(const std::shared_ptr<grpc::Channel>& channel, const ClientOptions& client,
       const SessionCacheOptions& options, const Clock& clock, Random& random)
      : options_(options),
        client_(channel, client),
        table_(clock, {options.include_dev_key, options.include_headers}),
        loop_(options, {channel, Filled(table_, options), clock, random}) {}

  absl::StatusOr<ClientSession> Get(absl::string_view organization_id,
                                    const GetSessionOptions& options) {
    const WatchedOrganization which{std::string(organization_id), options.credential};
    if (absl::optional<ClientSession> session = table_.Find(which, options)) {
      return *std::move(session);
    }
    absl::StatusOr<ClientSession> session = client_.GetSession(organization_id, options);
    if (!session.ok()) return session;  // an unknown organization is not watched
    if (options.stale_generation != 0) table_.Confirm(which, *session);
    if (options_.add_on_use && table_.Add(which, Limit(options_))) loop_.Added();
    return session;
  }

  [[nodiscard]] absl::Status watch_status() const { return loop_.status(); }
  [[nodiscard]] int watched() const { return static_cast<int>(table_.All().size()); }

 private:
  static std::size_t Limit(const SessionCacheOptions& options) {
    return static_cast<std::size_t>(options.max_organizations);
  }
  static SessionTable& Filled(SessionTable& table, const SessionCacheOptions& options) {
    for (const WatchedOrganization& which : options.organizations) {
      table.Add(which, Limit(options));
    }
    return table;
  }

  const SessionCacheOptions options_;
  SessionClient client_;
  SessionTable table_;
  WatchLoop loop_;
};

absl::StatusOr<std::unique_ptr<SessionCache>> SessionCache::Connect(
    const ClientOptions& client, const SessionCacheOptions& options) {
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = OpenChannel(client);
  if (!channel.ok()) return channel.status();
  auto system = std::make_unique<System>();
  absl::StatusOr<std::unique_ptr<SessionCache>> cache =
      Create(*std::move(channel), client, options, system->clock, system->random);
  if (cache.ok()) (*cache)->system_ = std::move(system);
  return cache;
}

absl::StatusOr<std::unique_ptr<SessionCache>> SessionCache::Create(
    const std::shared_ptr<grpc::Channel>& channel, const ClientOptions& client,
    const SessionCacheOptions& options, const Clock& clock, Random& random) {
  if (absl::Status valid = Validate(options); !valid.ok()) return valid;
  return std::unique_ptr<SessionCache>(
      new SessionCache(std::make_unique<Impl>(channel, client, options, clock, random)));
}

SessionCache::SessionCache(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SessionCache::~SessionCache() = default;

absl::StatusOr<ClientSession> SessionCache::DoGetSession(absl::string_view organization_id,
                                                         const GetSessionOptions& options) {
  return impl_->Get(organization_id, options);
}

absl::Status SessionCache::watch_status() const { return impl_->watch_status(); }

int SessionCache::watched() const { return impl_->watched(); }

}  // namespace billbroker
