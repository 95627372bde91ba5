// Golden texts of the command line's errors and dialogs. The other tests assert exit codes,
// reasons, names of options and fields, and JSON.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/exit_code.h"
#include "client/cli/import_document.h"
#include "client/cli/secrets_json.h"
#include "tests/client/cli/cli_fixture.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

constexpr char kCredential[] = "acme-payables-sandbox";

class CliMessagesTest : public CliTest {
 protected:
  CliMessagesTest() { broker_.AddCredential(kCredential, {"00800000000000000801"}); }

  // Runs the command and returns standard error.
  std::string ErrorOf(std::vector<std::string> args) {
    (void)Run(std::move(args));
    return err_;
  }
  // Runs `audit verify` on a report of one finding and returns both outputs.
  std::string VerifyOutput(v1::AuditFault fault) {
    v1::VerifyAuditResponse report;
    report.set_line_count(17);
    report.set_first_sequence(fault == v1::AUDIT_FAULT_FILE_LOST ? 8 : 1);
    report.set_last_sequence(18);
    report.set_incomplete(fault == v1::AUDIT_FAULT_CHANGED);
    v1::AuditFinding& finding = *report.add_findings();
    finding.set_file("audit.jsonl");
    finding.set_line(5);
    finding.set_fault(fault);
    broker_.set_audit_report(report);
    (void)Run({"audit", "verify", folder_.Write("audit.jsonl", "x\n")});
    return out_ + err_;
  }
};

TEST_F(CliMessagesTest, ErrorHasReasonTimeAndFix) {
  broker_.FailNext(
      "GetSession",
      MakeError(ErrorDetails{Reason::kLoginBudgetSpent, absl::Milliseconds(11'500), {}},
                "sign-ins are\x1b[2J spent"));
  EXPECT_EQ(Run({"session", "get", "00800000000000000801"}), kExitTryLater);
  EXPECT_EQ(err_, "error: LOGIN_BUDGET_SPENT: sign-ins are?[2J spent\nretry in 12 s\n");
  broker_.FailNext("GetSession",
                   MakeError(ErrorDetails{Reason::kBillUnavailable, absl::ZeroDuration(), {}},
                             "bill does not answer"));
  EXPECT_EQ(Run({"session", "get", "00800000000000000801"}), kExitTryLater);
  EXPECT_THAT(err_, HasSubstr("\nretry in 1 s\n"));
  broker_.FailNext("GetSession", MakeError(Reason::kAmbiguousCredential, "two serve it"));
  EXPECT_EQ(Run({"session", "get", "00800000000000000801"}), kExitFailed);
  EXPECT_EQ(err_, "error: AMBIGUOUS_CREDENTIAL: two serve it\nfix: name one with --credential\n");
}

TEST_F(CliMessagesTest, Usage) {
  EXPECT_EQ(ErrorOf({"frob"}),
            "error: USAGE: there is no command \"frob\"; see 'billbroker --help'\n");
  EXPECT_EQ(ErrorOf({"session", "frob"}),
            "error: USAGE: there is no command \"frob\"; see 'billbroker session --help'\n");
  EXPECT_THAT(ErrorOf({"credential", "show", kCredential, "--pasword", "x"}),
              HasSubstr("unknown option --pasword"));
  EXPECT_THAT(ErrorOf({"credential", "create", kCredential, "--password", "x"}),
              HasSubstr("there is no --password"));
  EXPECT_EQ(ErrorOf({"status", "--timeout", "0"}),
            "error: USAGE: --timeout is not positive; give it some seconds\n");
  EXPECT_EQ(Run({"--help"}), kExitOk);
  EXPECT_THAT(out_, HasSubstr("Exit codes:"));
  EXPECT_THAT(out_, HasSubstr("try later"));
}

TEST_F(CliMessagesTest, UnreachableBroker) {
  socket_ = folder_ / "nothing.sock";
  EXPECT_THAT(ErrorOf({"status"}), HasSubstr("error: BROKER_UNREACHABLE: cannot reach the broker"));
  EXPECT_THAT(err_, HasSubstr("fix: nothing is at " + socket_));
}

TEST_F(CliMessagesTest, BrokerOverTcp) {
  for (const char* name : {"ca.pem", "me.pem", "me.key"}) std::ofstream(folder_ / name) << "x";
  const auto error = [this](const std::string& address, const std::string& key) {
    (void)RunAsIs({"status", "--address", address, "--ca-file", folder_ / "ca.pem",
                   "--certificate-file", folder_ / "me.pem", "--key-file", key});
    return err_;
  };
  (void)RunAsIs({"status", "--address", "broker.example:8443"});
  EXPECT_THAT(err_, HasSubstr("the broker takes mutual TLS only on broker.example:8443; name the "
                              "file with --ca-file or BILLBROKER_CA_FILE"));
  EXPECT_THAT(error("localhost", folder_ / "me.key"), HasSubstr("is not HOST:PORT"));
  EXPECT_THAT(error("localhost:1", folder_ / "none.key"),
              HasSubstr("none.key cannot be read: No such file"));
  std::ofstream(folder_ / "empty.key").close();
  EXPECT_THAT(error("localhost:1", folder_ / "empty.key"), HasSubstr("is empty; name a PEM file"));
  EXPECT_THAT(error("localhost:1", "/tmp"), HasSubstr("regular file; name a PEM file"));
  EXPECT_THAT(error("unix:/run/x.sock", folder_ / "me.key"),
              HasSubstr("name a socket with --socket"));
  EXPECT_THAT(ErrorOf({"status", "--key-file", folder_ / "me.key"}),
              HasSubstr("--key-file is for a broker that is reached over TCP"));
}

TEST_F(CliMessagesTest, AuditFindings) {
  EXPECT_THAT(VerifyOutput(v1::AUDIT_FAULT_REMOVED), HasSubstr("not as the broker wrote it"));
  EXPECT_THAT(out_, HasSubstr("17 lines, sequence 1 to 18\n"));
  EXPECT_THAT(VerifyOutput(v1::AUDIT_FAULT_HEAD_LOST),
              HasSubstr("compare them with a copy that was kept elsewhere"));
  EXPECT_THAT(VerifyOutput(v1::AUDIT_FAULT_FILE_LOST),
              HasSubstr("before sequence 8 are in older files"));
  EXPECT_THAT(err_, HasSubstr("name the older files too"));
  EXPECT_THAT(VerifyOutput(v1::AUDIT_FAULT_CHANGED),
              HasSubstr("\ngave up after 1 finding; the rest was not looked at\n17 lines, "));
}

TEST_F(CliMessagesTest, UnreadableAuditFile) {
  EXPECT_THAT(ErrorOf({"audit", "verify", "/no/such/file"}),
              HasSubstr("cannot read /no/such/file: No such file"));
  EXPECT_THAT(ErrorOf({"audit", "verify", folder_ / "."}),
              HasSubstr("to its end; is it a file of the log?"));
}

TEST_F(CliMessagesTest, Credentials) {
  EXPECT_THAT(ErrorOf({"credential", "delete", kCredential}), HasSubstr("pass --yes"));
  EXPECT_THAT(ErrorOf({"credential", "create", "new", "--environment", "sandbox", "--kind", "user",
                       "--username", "eve@acme.test"}),
              HasSubstr("pass --secrets-from-stdin"));
  terminal_.input =
      R"({"password": "p", "organization_dev_keys": {"00800000000000000899": "own"}})";
  EXPECT_THAT(ErrorOf({"credential", "create", "new", "--environment", "sandbox", "--kind", "user",
                       "--username", "eve@acme.test", "--organization", "00800000000000000801",
                       "--secrets-from-stdin"}),
              HasSubstr("names an organization that is not among"));
  broker_.AddProgress(500, 12, 0, 0);
  host_.clock = &clock_;
  terminal_.input = R"({"password": "p"})";
  EXPECT_THAT(ErrorOf({"credential", "rotate", kCredential, "--secrets-from-stdin", "--wait",
                       "--wait-timeout", "90s"}),
              HasSubstr("the change is in "));
  EXPECT_THAT(err_, HasSubstr("12 of 500 live organizations"));
}

TEST_F(CliMessagesTest, Import) {
  v1::GetStatusResponse status;
  status.add_environments()->set_name("sandbox");
  broker_.set_status(status);
  const auto error = [this](const std::string& name, const std::string& username,
                            const std::string& more) {
    terminal_.input =
        absl::StrCat(R"({"credentials":[{"environment":"sandbox","kind":"user","name":")", name,
                     R"(","username":")", username, "\"", more, "}]}");
    return ErrorOf({"credential", "import"});
  };
  EXPECT_THAT(error("Bad", "x@a", ""), HasSubstr("credentials[0].name must be 1 to 64"));
  EXPECT_THAT(error("new", "ADA@acme.test", ""),
              HasSubstr(absl::StrCat("credentials[0].username belongs to credential \"",
                                     kCredential, "\"")));
  EXPECT_THAT(error(kCredential, "eve@acme.test", ""),
              HasSubstr("credentials[0].username differs"));
  EXPECT_THAT(error(kCredential, "ada@acme.test", R"(,"organizations":[{"id":"1"},{"id":"1"}])"),
              HasSubstr("credentials[0].organizations[1].id is there twice"));
  EXPECT_THAT(error("new", "new", R"(,"dev_key":"s3cret")"),
              HasSubstr("credentials[0] cannot be created: "));
  terminal_.input =
      R"({"credentials":[{"name":"b","environment":"moon","kind":"user","username":"b"}]})";
  EXPECT_THAT(ErrorOf({"credential", "import"}),
              HasSubstr("credentials[0].environment is not configured at the broker; there are: "
                        "sandbox"));
}

TEST_F(CliMessagesTest, Doctor) {
  broker_.FailNext("GetStatus", MakeError(Reason::kNotGranted, "not for you"));
  EXPECT_EQ(Run({"doctor"}), kExitFailed);
  EXPECT_THAT(out_, HasSubstr("a broker answers on " + socket_ +
                              ", and does not let you ask: not for you"));
  EXPECT_THAT(out_, HasSubstr("grant your user the role operator"));
  socket_ = folder_ / "nothing.sock";
  keyring_.status.set_state(v1::VAULT_STATE_LOCKED);
  keyring_.status.set_fix("unlock it");
  host_.environment["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/run/user/1/bus";
  host_.lockable_bytes = 65'536;
  EXPECT_EQ(Run({"doctor"}), kExitFailed);
  EXPECT_THAT(out_, HasSubstr("nothing is at " + socket_));
  EXPECT_THAT(out_,
              HasSubstr("your keyring: the D-Bus session bus answers (unix:path=/run/user/1/bus)"));
  EXPECT_THAT(out_, HasSubstr("your keyring: the collection is locked"));
  EXPECT_THAT(out_, HasSubstr("fix: unlock it"));
  EXPECT_THAT(out_, HasSubstr("this user may lock 64 KiB"));
}

TEST_F(CliMessagesTest, Mfa) {
  terminal_.person = true;
  terminal_.answers = {"000000", "123456"};
  EXPECT_EQ(Run({"mfa", "renew", kCredential}), kExitOk);
  EXPECT_THAT(err_, HasSubstr("BILL sent a code"));
  EXPECT_THAT(err_, HasSubstr("the code is wrong"));
  EXPECT_THAT(out_, HasSubstr("is renewed until"));
  EXPECT_THAT(out_, HasSubstr("MFA-trusted now: 2"));
  EXPECT_EQ(Run({"mfa", "step-up", kCredential}), kExitOk);
  EXPECT_THAT(out_, HasSubstr("MFA-trusted now: 1"));
}

TEST_F(CliMessagesTest, Login) {
  v1::GetStatusResponse status;
  status.add_environments()->set_name("sandbox");
  broker_.set_status(status);
  terminal_.person = true;
  terminal_.answers = {"moon",        "sandbox", "1",   "eve@acme.test", kCredential,
                       "eve-sandbox", "1",       "key", "password",      "n"};
  EXPECT_EQ(Run({"login"}), kExitFailed);
  EXPECT_THAT(err_, HasSubstr("there is no environment moon"));
  EXPECT_THAT(err_, HasSubstr(absl::StrCat("there is a credential ", kCredential, " already")));
  EXPECT_THAT(err_, HasSubstr("nothing was stored"));
  terminal_.answers = {"sandbox", "1", "ADA@acme.test"};
  EXPECT_EQ(Run({"login"}), kExitFailed);
  EXPECT_THAT(err_,
              HasSubstr(absl::StrCat("belongs to credential ", kCredential,
                                     ": add organizations with ", "'billbroker credential attach ",
                                     kCredential, " ID', or type another user")));
}

TEST_F(CliMessagesTest, Status) {
  v1::GetStatusResponse status;
  status.mutable_store()->set_state(v1::STORE_STATE_MEMORY_ONLY);
  status.mutable_store()->set_message("/var/lib/sessions.db: it is not a regular file");
  status.mutable_store()->mutable_next_try_time()->set_seconds(1);
  status.mutable_audit()->set_message("no space left");
  status.mutable_vault()->set_state(v1::VAULT_STATE_LOCKED);
  status.mutable_vault()->set_fix("unlock the default keyring");
  status.mutable_vault()->add_invalid_documents("document-of-a-stranger");
  status.mutable_memory()->set_unlocked_bytes(4096);
  broker_.set_status(status);
  EXPECT_EQ(Run({"status"}), kExitOk);
  EXPECT_THAT(out_, HasSubstr("not read to the end yet"));
  EXPECT_THAT(out_, HasSubstr("locked"));
  EXPECT_THAT(out_, HasSubstr("unlock the default keyring"));
  EXPECT_THAT(out_, HasSubstr("document-of-a-stranger"));
  EXPECT_THAT(out_, HasSubstr("4 KiB NOT locked"));
  EXPECT_THAT(out_, HasSubstr("NOT OPEN: a restart forgets all sessions"));
  EXPECT_THAT(out_, HasSubstr(": /var/lib/sessions.db: it is not a regular file"));
  EXPECT_THAT(out_, HasSubstr("tried again in "));
  EXPECT_THAT(out_, HasSubstr("sign-ins and changes are refused: no space left\n"));
}

TEST(DocumentMessagesTest, Import) {
  const auto message = [](absl::string_view json) {
    return std::string(ParseImport(json).status().message());
  };
  EXPECT_THAT(message("[]"), HasSubstr("it is not one JSON object"));
  EXPECT_THAT(message("{}"), HasSubstr("credentials is missing"));
  EXPECT_THAT(message(R"({"credentials":[{}]})"),
              HasSubstr("credentials[0].environment is missing"));
  EXPECT_THAT(message(R"({"credentials":[{"name":7}]})"),
              HasSubstr("credentials[0].name is not a value of the right type"));
  EXPECT_THAT(message(R"({"credentials":[{"name":"a","nam":"a"}]})"),
              HasSubstr("credentials[0] has an unknown member, number 2"));
  EXPECT_THAT(message(R"({"credentials":[{"name":"a","name":"a"}]})"),
              HasSubstr("credentials[0].name is there twice"));
}

TEST(DocumentMessagesTest, Secrets) {
  const auto message = [](absl::string_view json) {
    return std::string(ParseSecrets(json).status().message());
  };
  EXPECT_THAT(message("[]"), HasSubstr("not one JSON object of secrets"));
  EXPECT_THAT(message(R"({"password": "a", "password": "b"})"),
              HasSubstr("member 2 on standard input is there already"));
}

}  // namespace
}  // namespace billbroker
