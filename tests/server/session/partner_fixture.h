// An engine on virtual time with a partner, "firm", of sixty organizations.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/server/session/engine_fixture.h"

namespace billbroker {

inline constexpr int kOrganizations = 60;

inline Credential MakePartner(absl::string_view name, int organizations = kOrganizations) {
  Credential partner = MakeCredential(name, organizations);
  partner.kind = CredentialKind::kPartner;
  partner.app_key = SecretString::CopyOf("the-app-key");
  for (std::size_t i = 0; i < partner.organizations.size(); ++i) {
    partner.organizations[i].user_id = absl::StrFormat("006%05d", i);
  }
  return partner;
}

inline std::string Id(int organization, absl::string_view name = "firm") {
  return absl::StrFormat("008%s%05d", name, organization);
}

class EnginePartnerTest : public EngineTest {
 protected:
  EnginePartnerTest() { Store(MakePartner("firm")); }

  Answer GetOf(int organization, absl::string_view name = "firm") {
    return Get({}, Id(organization, name));
  }
  // Asks for all at once.
  std::vector<Answer> GetAll(int organizations = kOrganizations) {
    std::vector<Answer> answers(static_cast<std::size_t>(organizations),
                                absl::UnknownError("not answered"));
    for (int i = 0; i < organizations; ++i) {
      engine.GetSession(Id(i), "", {}, [&answers, i](Answer given) {
        answers[static_cast<std::size_t>(i)] = std::move(given);
      });
    }
    executor.RunUntilIdle();
    return answers;
  }
  std::size_t PartnerSignIns() const { return bill.partner_sign_ins().size(); }
  // As which partner's session the last user was signed in with.
  std::string LastPartner() const { return bill.sign_ins().back().partner_session; }
  static void ExpectAll(const std::vector<Answer>& answers, Reason reason) {
    for (const Answer& answer : answers) {
      EXPECT_TRUE(HasReason(answer.status(), reason)) << answer.status();
    }
  }
};

}  // namespace billbroker
