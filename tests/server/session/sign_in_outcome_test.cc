// The table of sign-in outcomes, cell by cell: each outcome for a secret that BILL accepted before
// and for one that it did not, for each kind of sign-in. The errors are read from HTTP answers.
#include "server/session/sign_in_outcome.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/bill/refusal.h"

namespace billbroker {
namespace {

constexpr SignInStep kSteps[] = {SignInStep::kSignIn, SignInStep::kPartnerSignIn,
                                 SignInStep::kSignInAsUser};

const char* StepName(SignInStep step) {
  switch (step) {
    case SignInStep::kSignIn:
      return "SignIn";
    case SignInStep::kPartnerSignIn:
      return "PartnerSignIn";
    case SignInStep::kSignInAsUser:
      return "SignInAsUser";
  }
  return "";
}

// The name of `scope` in the tables below.
std::string ScopeText(QuarantineScope scope) {
  switch (scope) {
    case QuarantineScope::kNone:
      return "none";
    case QuarantineScope::kSecret:
      return "secret";
    case QuarantineScope::kSecretAndDevKey:
      return "(secret, devKey)";
    case QuarantineScope::kDevKey:
      return "devKey";
    case QuarantineScope::kOrganizationAndDevKey:
      return "(organization, devKey)";
    case QuarantineScope::kUserAndOrganization:
      return "(user, organization)";
    case QuarantineScope::kUserLockout:
      return "user";
    case QuarantineScope::kOrganizationLockout:
      return "organization";
  }
  return "";
}

std::string FailureText(const SignInOutcome& outcome) {
  if (outcome.failure == UserFailure::kUnclear) return "unclear";
  if (outcome.failed_scope == QuarantineScope::kNone) {
    return outcome.failure == UserFailure::kFailed ? "failed" : "none";
  }
  return absl::StrCat(outcome.failure == UserFailure::kFailed ? "failed and " : "",
                      ScopeText(outcome.failed_scope));
}

std::string ProofText(SecretProof proof) {
  switch (proof) {
    case SecretProof::kKept:
      return "kept";
    case SecretProof::kLost:
      return "lost";
    case SecretProof::kGained:
      return "gained";
  }
  return "";
}

// Returns the columns of the table: "charged | failed | lost".
std::string Columns(const SignInOutcome& outcome) {
  return absl::StrCat(outcome.charged ? "charged" : "released", " | ", FailureText(outcome), " | ",
                      ProofText(outcome.proof));
}

// Returns the columns about the consequences: "transient | growing | suspended".
std::string Consequences(const SignInOutcome& outcome) {
  const char* breaker = outcome.transient ? "transient" : outcome.judged ? "judged" : "neither";
  const char* backoff = outcome.backoff == SlotBackoff::kGrowing     ? "growing"
                        : outcome.backoff == SlotBackoff::kTransient ? "seconds"
                                                                     : "no back-off";
  return absl::StrCat(breaker, " | ", outcome.suspends_dev_key ? "suspended" : backoff);
}

BillError Answer(int status, absl::string_view body) {
  return ReadRefusal({status, "", "", body}, absl::UnixEpoch());
}

BillError Coded(int status, absl::string_view code) {
  return Answer(status, absl::StrCat(R"([{"code":")", code, R"(","message":"m"}])"));
}

BillError NotAnswered(Delivery delivery) {
  BillError error;
  error.delivery = delivery;
  return error;
}

// One row of the issue's table.
struct Row {
  const char* name;
  std::vector<BillError> errors;
  const char* accepted_before;
  const char* never_accepted;
  const char* consequences;
  bool by_gateway = false;
  SignInHistory history = {};
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

SignInHistory With(SignInHistory history, bool secret_accepted) {
  history.secret_accepted = secret_accepted;
  return history;
}

class OutcomeTableTest : public ::testing::TestWithParam<std::tuple<Row, SignInStep>> {};

TEST_P(OutcomeTableTest, HasEveryColumn) {
  const auto& [row, step] = GetParam();
  for (const BillError& error : row.errors) {
    for (const bool accepted : {true, false}) {
      const SignInOutcome outcome =
          ClassifySignIn(&error, step, With(row.history, accepted), row.by_gateway);
      EXPECT_EQ(Columns(outcome), accepted ? row.accepted_before : row.never_accepted)
          << error.detail << (accepted ? ", accepted before" : ", never accepted");
      EXPECT_EQ(Consequences(outcome), row.consequences) << error.detail;
    }
  }
}

// Returns each code in each shape and HTTP status that BILL may give it.
std::vector<BillError> AnyShape(const std::vector<const char*>& codes) {
  std::vector<BillError> errors;
  for (const char* code : codes) {
    for (const int status : {200, 302, 400, 401, 403, 404, 408, 422, 423, 425, 429, 500, 503}) {
      errors.push_back(Coded(status, code));
      errors.push_back(Answer(status, absl::StrCat(R"({"code":")", code, R"("})")));
      errors.push_back(Answer(status, absl::StrCat(R"({"errors":[{"code":")", code, R"("}]})")));
    }
  }
  return errors;
}

// Returns answers without a code with each of the HTTP statuses.
std::vector<BillError> Uncoded(const std::vector<int>& statuses) {
  std::vector<BillError> errors;
  for (const int status : statuses) {
    for (const char* body : {"", "{}", R"({"message":"no"})", "<html>", "no JSON", "[]"}) {
      errors.push_back(Answer(status, body));
    }
  }
  return errors;
}

// Returns an unknown code with each HTTP status at which it is BILL's refusal.
std::vector<BillError> UnknownCodes() {
  std::vector<BillError> errors;
  for (const int status : {200, 302, 400, 401, 403, 404, 409, 422, 423, 429}) {
    errors.push_back(Coded(status, "BDC_9999"));
  }
  return errors;
}

constexpr SignInHistory kAcceptedElsewhere{false, true, false, false, false};
constexpr char kReleased[] = "released | none | kept";
constexpr char kHarmless[] = "charged | none | kept";
constexpr char kUnclear[] = "charged | unclear | kept";
constexpr char kFailed[] = "charged | failed | lost";

const std::vector<int> kGatewayStatuses = {200, 204, 301, 302, 400, 401, 403, 404, 405, 409, 422};

std::vector<Row> RowsWithoutScope() {
  return {
      {"HookNeverRan",
       {NotAnswered(Delivery::kNotSent)},
       kReleased,
       kReleased,
       "transient | seconds"},
      {"ServerError", Uncoded({500, 502, 503, 504}), kHarmless, kHarmless, "transient | seconds"},
      {"ServerErrorUnknownCode",
       {Coded(500, "BDC_9999")},
       kHarmless,
       kHarmless,
       "transient | seconds"},
      {"Timeout408And425", Uncoded({408, 425}), kHarmless, kHarmless, "transient | seconds"},
      {"Bare429", Uncoded({429}), kHarmless, kHarmless, "neither | seconds"},
      {"Unavailable", AnyShape({"BDC_1001", "BDC_1002"}), kHarmless, kHarmless,
       "transient | seconds"},
      {"HourlyLimit", AnyShape({"BDC_1144"}), kHarmless, kHarmless, "neither | suspended"},
      {"ConcurrencyAndRisk", AnyShape({"BDC_1322", "BDC_1570"}), kHarmless, kHarmless,
       "neither | seconds"},
      {"AnswerLost",
       {NotAnswered(Delivery::kMaybeSent)},
       kHarmless,
       kUnclear,
       "transient | seconds"},
      {"SecretOrLocked", AnyShape({"BDC_1101", "BDC_1107", "BDC_1110"}), kFailed, kFailed,
       "judged | no back-off"},
      {"Locked423", Uncoded({423}), kFailed, kFailed, "judged | growing"},
      {"Locked423ByGateway", Uncoded({423}), kFailed, kFailed, "judged | growing", true},
      {"Uncoded", Uncoded(kGatewayStatuses), kFailed, kFailed, "judged | growing"},
      {"UncodedByGateway", Uncoded(kGatewayStatuses), kUnclear, kUnclear, "transient | seconds",
       true},
      {"UnknownCode", UnknownCodes(), kFailed, kFailed, "judged | growing"},
      {"UnknownCodeByGateway", UnknownCodes(), kFailed, kFailed, "judged | growing", true},
      {"Mfa", AnyShape({"BDC_1354", "BDC_1356", "BDC_1358", "BDC_1361", "BDC_1374", "BDC_5324"}),
       kHarmless, kHarmless, "judged | growing"},
      {"SessionOrApi", AnyShape({"BDC_1109", "BDC_1120", "BDC_1121"}), kHarmless, kHarmless,
       "judged | growing"},
      {"TermsNotAccepted", AnyShape({"BDC_1104"}), "charged | devKey | kept",
       "charged | devKey | kept", "judged | no back-off"},
  };
}

std::string RowName(const ::testing::TestParamInfo<std::tuple<Row, SignInStep>>& info) {
  return absl::StrCat(std::get<0>(info.param).name, StepName(std::get<1>(info.param)));
}

INSTANTIATE_TEST_SUITE_P(AnyStep, OutcomeTableTest,
                         ::testing::Combine(::testing::ValuesIn(RowsWithoutScope()),
                                            ::testing::ValuesIn(kSteps)),
                         RowName);

// The rows whose scope names an organization.
std::vector<Row> RowsOfOrganization() {
  return {
      {"UnknownCodeAcceptedElsewhere", UnknownCodes(), "charged | (user, organization) | kept",
       "charged | (user, organization) | kept", "judged | growing", false, kAcceptedElsewhere},
      {"Organization", AnyShape({"BDC_1105", "BDC_1106", "BDC_1111", "BDC_1123"}),
       "charged | (user, organization) | kept", "charged | failed and (user, organization) | kept",
       "judged | no back-off"},
      {"DevKey", AnyShape({"BDC_1102", "BDC_1103"}), "charged | (organization, devKey) | kept",
       "charged | failed and (organization, devKey) | kept", "judged | no back-off"},
  };
}

INSTANTIATE_TEST_SUITE_P(OfOrganization, OutcomeTableTest,
                         ::testing::Combine(::testing::ValuesIn(RowsOfOrganization()),
                                            ::testing::Values(SignInStep::kSignIn,
                                                              SignInStep::kSignInAsUser)),
                         RowName);

// A partner sign-in names no organization.
std::vector<Row> RowsOfPartner() {
  return {
      {"UnknownCodeAcceptedElsewhere", UnknownCodes(), kFailed, kFailed, "judged | growing", false,
       kAcceptedElsewhere},
      {"OrganizationOrAppKey",
       AnyShape({"BDC_1102", "BDC_1103", "BDC_1105", "BDC_1106", "BDC_1111", "BDC_1123"}),
       "charged | (secret, devKey) | kept", "charged | failed and (secret, devKey) | kept",
       "judged | no back-off"},
  };
}

INSTANTIATE_TEST_SUITE_P(OfPartner, OutcomeTableTest,
                         ::testing::Combine(::testing::ValuesIn(RowsOfPartner()),
                                            ::testing::Values(SignInStep::kPartnerSignIn)),
                         RowName);

class AcceptedTest : public ::testing::TestWithParam<std::tuple<SignInStep, bool>> {};

TEST_P(AcceptedTest, GainsTheProof) {
  const auto& [step, accepted] = GetParam();
  const SignInOutcome outcome = ClassifySignIn(nullptr, step, With({}, accepted), false);
  EXPECT_EQ(Columns(outcome), "charged | none | gained");
  EXPECT_EQ(Consequences(outcome), "judged | no back-off");
  EXPECT_EQ(outcome.quarantine, QuarantineScope::kNone);
}

INSTANTIATE_TEST_SUITE_P(Steps, AcceptedTest,
                         ::testing::Combine(::testing::ValuesIn(kSteps), ::testing::Bool()));

// The scope that is quarantined after one refusal, in the order of `kSteps`.
struct QuarantineRow {
  const char* name;
  std::vector<const char*> codes;
  const char* scopes[3];
};

void PrintTo(const QuarantineRow& row, std::ostream* out) { *out << row.name; }

class QuarantineTableTest : public ::testing::TestWithParam<QuarantineRow> {};

TEST_P(QuarantineTableTest, HasEveryStep) {
  for (const BillError& error : AnyShape(GetParam().codes)) {
    for (const bool accepted : {true, false}) {
      for (int i = 0; i < 3; ++i) {
        const SignInOutcome outcome = ClassifySignIn(&error, kSteps[i], With({}, accepted), false);
        EXPECT_EQ(ScopeText(outcome.quarantine), GetParam().scopes[i])
            << error.detail << ", " << StepName(kSteps[i]);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Codes, QuarantineTableTest,
    ::testing::Values(
        QuarantineRow{"Secret", {"BDC_1101"}, {"secret", "secret", "(user, organization)"}},
        QuarantineRow{"Terms", {"BDC_1104"}, {"devKey", "devKey", "devKey"}},
        QuarantineRow{"Organization",
                      {"BDC_1105", "BDC_1106", "BDC_1111", "BDC_1123"},
                      {"(user, organization)", "(secret, devKey)", "(user, organization)"}},
        QuarantineRow{"OrganizationLocked", {"BDC_1107"}, {"organization", "user", "organization"}},
        QuarantineRow{"UserLocked", {"BDC_1110"}, {"user", "user", "user"}},
        QuarantineRow{"Nothing",
                      {"BDC_1001", "BDC_1002", "BDC_1109", "BDC_1120", "BDC_1121", "BDC_1144",
                       "BDC_1322", "BDC_1354", "BDC_1356", "BDC_1358", "BDC_1361", "BDC_1374",
                       "BDC_1570", "BDC_5324", "BDC_9999"},
                      {"none", "none", "none"}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(QuarantineTableTest, AnswersWithoutACodeAreNotQuarantined) {
  std::vector<BillError> errors = Uncoded({200, 302, 400, 401, 403, 404, 408, 423, 429, 500});
  errors.push_back(NotAnswered(Delivery::kMaybeSent));
  errors.push_back(NotAnswered(Delivery::kNotSent));
  for (const BillError& error : errors) {
    for (const bool by_gateway : {true, false}) {
      EXPECT_EQ(ClassifySignIn(&error, SignInStep::kSignIn, {}, by_gateway).quarantine,
                QuarantineScope::kNone)
          << error.http_status;
    }
  }
}

// The scope of BDC_1102 and 1103, by the history of the devKey.
struct DevKeyRow {
  const char* name;
  bool worked_here;
  bool worked_anywhere;
  bool refused_elsewhere;
  const char* accepted_before;
  const char* never_accepted;
  const char* partner_accepted_before = "(secret, devKey)";
};

void PrintTo(const DevKeyRow& row, std::ostream* out) { *out << row.name; }

class DevKeyTableTest : public ::testing::TestWithParam<DevKeyRow> {
 protected:
  static std::string Scope(SignInStep step, bool accepted) {
    const DevKeyRow& row = GetParam();
    const SignInHistory history{accepted, false, row.worked_here, row.worked_anywhere,
                                row.refused_elsewhere};
    const BillError error = Coded(400, "BDC_1102");
    const SignInOutcome outcome = ClassifySignIn(&error, step, history, false);
    EXPECT_EQ(outcome.failed_scope, outcome.quarantine);
    EXPECT_EQ(outcome.failure, accepted ? UserFailure::kNone : UserFailure::kFailed);
    return ScopeText(outcome.quarantine);
  }
};

TEST_P(DevKeyTableTest, ScopeIsLimitedByTheEvidence) {
  for (const SignInStep step : {SignInStep::kSignIn, SignInStep::kSignInAsUser}) {
    EXPECT_EQ(Scope(step, true), GetParam().accepted_before);
    EXPECT_EQ(Scope(step, false), GetParam().never_accepted);
  }
  EXPECT_EQ(Scope(SignInStep::kPartnerSignIn, true), GetParam().partner_accepted_before);
  EXPECT_EQ(Scope(SignInStep::kPartnerSignIn, false), "(secret, devKey)");
}

INSTANTIATE_TEST_SUITE_P(
    Histories, DevKeyTableTest,
    ::testing::Values(DevKeyRow{"NeverWorked", false, false, false, "(organization, devKey)",
                                "(organization, devKey)"},
                      DevKeyRow{"WorkedElsewhere", false, true, false, "(organization, devKey)",
                                "(organization, devKey)"},
                      DevKeyRow{"WorkedHere", true, true, false, "devKey", "(secret, devKey)",
                                "devKey"},
                      DevKeyRow{"NeverWorkedRefusedTwice", false, false, true, "(secret, devKey)",
                                "(secret, devKey)"},
                      DevKeyRow{"WorkedElsewhereRefusedTwice", false, true, true,
                                "(organization, devKey)", "(secret, devKey)"},
                      DevKeyRow{"WorkedHereRefusedTwice", true, true, true, "devKey",
                                "(secret, devKey)", "devKey"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(NeedsGatewayCheckTest, IsTrueOnlyForUnclearRefusals) {
  for (const BillError& error : Uncoded(kGatewayStatuses)) {
    EXPECT_TRUE(NeedsGatewayCheck(error)) << error.detail;
  }
  std::vector<BillError> clear = Uncoded({408, 423, 425, 429, 500, 503});
  for (const BillError& error : AnyShape({"BDC_1101", "BDC_9999"})) clear.push_back(error);
  clear.push_back(NotAnswered(Delivery::kMaybeSent));
  clear.push_back(NotAnswered(Delivery::kNotSent));
  for (const BillError& error : clear) EXPECT_FALSE(NeedsGatewayCheck(error)) << error.detail;
}

TEST(SignInOutcomeTest, UnsendableRequestIsNotAnOutage) {
  BillError unsendable = NotAnswered(Delivery::kNotSent);
  unsendable.verdict = Verdict::kRefused;
  const SignInOutcome outcome = ClassifySignIn(&unsendable, SignInStep::kSignInAsUser, {}, false);
  EXPECT_EQ(Columns(outcome), kReleased);
  EXPECT_EQ(Consequences(outcome), "neither | growing");
}

}  // namespace
}  // namespace billbroker
