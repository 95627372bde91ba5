// SessionManagerPartnerTest: an SessionManagerTest with a partner of sixty organizations as well.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/server/session/session_manager_fixture.h"

namespace billbroker {

inline constexpr char kFirm[] = "firm-of-accountants";
inline constexpr char kMill[] = "mill-accounts-payable";  // for a second partner
inline constexpr int kOrganizations = 60;                 // of kFirm

// The user that a partner signs in as in its organization `n`.
inline std::string PartnersUserId(int n) { return absl::StrFormat("006%017d", n); }

inline Credential MakePartner(absl::string_view name, int organizations = kOrganizations) {
  Credential partner = MakeCredential(name, organizations);
  partner.kind = CredentialKind::kPartner;
  partner.app_key = SecretString::CopyOf("the-app-key-of-the-firm");
  for (int i = 0; i < organizations; ++i) {
    partner.organizations[static_cast<std::size_t>(i)].user_id = PartnersUserId(i);
  }
  return partner;
}

inline std::string Id(int n, absl::string_view name = kFirm) { return OrganizationId(n, name); }

class SessionManagerPartnerTest : public SessionManagerTest {
 protected:
  SessionManagerPartnerTest() { Store(MakePartner(kFirm)); }

  Answer GetOf(int n, absl::string_view name = kFirm) { return Get({}, Id(n, name)); }
  // Calls GetSession() for every organization before any work runs.
  std::vector<Answer> GetAll(int organizations = kOrganizations) {
    std::vector<Answer> answers(static_cast<std::size_t>(organizations),
                                absl::UnknownError("not answered"));
    for (int i = 0; i < organizations; ++i) {
      manager.GetSession(Id(i), "", {}, [&answers, i](Answer given) {
        answers[static_cast<std::size_t>(i)] = std::move(given);
      });
    }
    executor.RunUntilIdle();
    return answers;
  }
  std::size_t PartnerSignIns() const { return bill.partner_sign_ins().size(); }
  // The partner session that the last user was signed in with.
  std::string LastPartner() const { return bill.sign_ins().back().partner_session; }
};

}  // namespace billbroker
