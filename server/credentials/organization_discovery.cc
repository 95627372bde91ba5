#include "server/credentials/organization_discovery.h"

#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/credentials/bill_question.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

absl::Status Endless(absl::string_view credential, absl::string_view what) {
  return MakeError(
      {Reason::kBillUnavailable, absl::nullopt, {{"credential", std::string(credential)}}},
      absl::StrCat("BILL returns ", what, " for credential \"", credential,
                   "\"; attach the ones that you need with 'billbroker credential attach --from'"));
}

}  // namespace

// One discovery under way: a session, then page after page. Its callbacks share it; at most one of
// them is pending at any time.
class OrganizationDiscovery::Run final : public std::enable_shared_from_this<Run> {
 public:
  Run(const Parts& parts, Request request, Done done)
      : parts_(parts), request_(std::move(request)), done_(std::move(done)) {}

  void Start() {
    const absl::StatusOr<CredentialInfoPtr> info = parts_.credentials.Get(request_.credential);
    if (!info.ok()) return done_(info.status());
    if (request_.organization_id.empty()) {
      absl::StatusOr<std::string> chosen = ChooseOrganization(**info, parts_.sessions);
      if (!chosen.ok()) return done_(chosen.status());
      request_.organization_id = *std::move(chosen);
    }
    GetSession(0);
  }

 private:
  // `dead` is the generation that BILL called dead, or 0.
  void GetSession(std::uint64_t dead) {
    SessionDemand demand;
    demand.stale_generation = dead;
    demand.patience = request_.patience;
    demand.principal = request_.principal;
    demand.cause = request_.cause;
    parts_.sessions.GetSession(request_.organization_id, request_.credential, demand,
                               [self = shared_from_this()](absl::StatusOr<SessionPtr> session) {
                                 if (!session.ok()) return self->done_(session.status());
                                 self->session_ = *std::move(session);
                                 self->ReadPage("");
                               });
  }

  void ReadPage(std::string token) {
    if (!request_.wanted())
      return done_(absl::CancelledError("nobody waits for the organizations"));
    parts_.bill.ListOrganizations(session_->keys, std::move(token),
                                  [self = shared_from_this()](BillResult<OrganizationPage> page) {
                                    if (!page.ok()) return self->OnRefused(page.error());
                                    self->OnPage(std::move(page.value()));
                                  });
  }

  void OnPage(OrganizationPage page) {
    for (ListedOrganization& each : page.organizations) {
      names_.try_emplace(std::move(each.id), std::move(each.name));
    }
    if (names_.size() > kMaxOrganizations) {
      return done_(Endless(request_.credential,
                           absl::StrCat("more than ", kMaxOrganizations, " organizations")));
    }
    if (page.next_page.empty()) return Finish();
    if (!tokens_.insert(page.next_page).second) {
      return done_(Endless(request_.credential, "the same page of organizations again"));
    }
    if (tokens_.size() >= kMaxPages) {
      return done_(Endless(request_.credential,
                           absl::StrCat("more than ", kMaxPages, " pages of organizations")));
    }
    ReadPage(std::move(page.next_page));
  }

  // A session that died (for example because it was in use elsewhere) is replaced once. The pages
  // are then read from the first one again, because their tokens may belong to the session.
  void OnRefused(const BillError& error) {
    if (error.verdict == Verdict::kSessionInvalid && !renewed_) {
      renewed_ = true;
      names_.clear();
      tokens_.clear();
      return GetSession(session_->generation);
    }
    done_(RefusedByBill(error, {request_.credential, request_.organization_id},
                        "does not list the organizations", parts_.clock.Now(), parts_.random));
  }

  void Finish() {
    // The present state, which may have changed while BILL was read.
    const absl::StatusOr<CredentialInfoPtr> info = parts_.credentials.Get(request_.credential);
    if (!info.ok()) return done_(info.status());
    Found found;
    found.reserve(names_.size());
    for (auto& [id, name] : names_) {
      found.push_back({id, std::move(name), (*info)->organizations.contains(id)});
    }
    done_(std::move(found));
  }

  const Parts parts_;
  Request request_;
  Done done_;
  SessionPtr session_;
  bool renewed_ = false;
  std::map<std::string, std::string> names_;  // by id
  std::set<std::string> tokens_;              // of the pages so far
};

void OrganizationDiscovery::Discover(Request request, Done done) {
  std::make_shared<Run>(parts_, std::move(request), std::move(done))->Start();
}

}  // namespace billbroker
