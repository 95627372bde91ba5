#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/exit_code.h"
#include "tests/client/cli/cli_fixture.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class StatusDoctorTest : public CliTest {
 protected:
  StatusDoctorTest() {
    status_.set_version("0.1.0");
    status_.mutable_start_time()->set_seconds(1'800'000'000 - 11'520);
    v1::VaultStatus& vault = *status_.mutable_vault();
    vault.set_state(v1::VAULT_STATE_READY);
    vault.set_all_credentials_read(true);
    vault.set_credential_count(1);
    vault.set_organization_count(12);
    status_.mutable_sessions()->set_live_count(2);
    status_.mutable_sessions()->set_sign_in_count(3);
    status_.mutable_sessions()->set_queued_count(4);
    status_.mutable_mfa()->set_remembered_count(3);
    status_.mutable_mfa()->set_expiring_count(1);
    status_.mutable_mfa()->set_refused_count(2);
    v1::LoginBudget& budget = *status_.add_login_budgets();
    budget.set_environment("sandbox");
    budget.set_dev_key_id("0123456789abcdef");
    budget.set_limit(150);
    budget.set_used_count(150);
    budget.set_queued_count(4);
    budget.mutable_rate_limit_end_time()->set_seconds(1'800'000'600);
    status_.mutable_store()->set_state(v1::STORE_STATE_READY);
    status_.mutable_store()->set_file("/var/lib/billbroker/sessions.db");
    status_.mutable_store()->mutable_since_time()->set_seconds(1'800'000'000);
    status_.mutable_audit()->set_writable(true);
    status_.mutable_audit()->set_file("/var/lib/billbroker/audit.jsonl");
    v1::EnvironmentStatus& environment = *status_.add_environments();
    environment.set_name("sandbox");
    environment.set_base_url("https://bill.test/connect");
    status_.mutable_memory()->set_secret_bytes(262'144);
    broker_.set_status(status_);
  }

  // Returns the check called `name` in doctor's JSON.
  Json CheckOf(const std::string& name) const {
    const Json json = OutJson();
    for (const Json& check : json["checks"]) {
      if (check["check"] == name) return check;
    }
    return {{"state", "absent"}, {"finding", ""}, {"fix", ""}};
  }
  std::string StateOf(const std::string& name) const { return CheckOf(name)["state"]; }

  v1::GetStatusResponse status_;
};

TEST_F(StatusDoctorTest, StatusPrintsATable) {
  EXPECT_EQ(Run({"status"}), kExitOk) << err_;
  EXPECT_EQ(
      out_,
      "broker       0.1.0, up 3 h 12 min\n"
      "keyring      ready; 1 credential, 12 organizations\n"
      "sessions     2 live, 0 signing in, 4 waiting for their turn, 0 quarantined\n"
      "sign-ins     3 sent since the start, 0 refused\n"
      "MFA trust    3 rememberMeIds, 1 for less than a week, 0 expired, 2 not taken by BILL\n"
      "budget       sandbox  devKey 0123456789abcdef: 150 of 150 sign-ins an hour, 4 waiting; "
      "BILL's limit ends in 10 min\n"
      "store        ready; sessions outlive a restart\n"
      "audit        /var/lib/billbroker/audit.jsonl\n"
      "environment  sandbox  https://bill.test/connect\n"
      "memory       256 KiB for secrets, all locked\n");
}

TEST_F(StatusDoctorTest, StatusJsonHoldsEveryField) {
  EXPECT_EQ(Run({"status", "--output", "json"}), kExitOk);
  EXPECT_EQ(
      OutJson(),
      Json({{"version", "0.1.0"},
            {"start_time", "2027-01-15T04:48:00Z"},
            {"draining", false},
            {"vault",
             {{"state", "ready"},
              {"detail", ""},
              {"fix", ""},
              {"bus_address", ""},
              {"provider", ""},
              {"provider_process_id", 0},
              {"transfer_encryption", ""},
              {"all_credentials_read", true},
              {"credential_count", 1},
              {"organization_count", 12},
              {"invalid_documents", Json::array()}}},
            {"sessions",
             {{"live_count", 2},
              {"signing_in_count", 0},
              {"queued_count", 4},
              {"quarantined_count", 0},
              {"sign_in_count", 3},
              {"failed_sign_in_count", 0}}},
            {"mfa",
             {{"remembered_count", 3},
              {"expiring_count", 1},
              {"expired_count", 0},
              {"refused_count", 2}}},
            {"login_budgets", Json::array({{{"environment", "sandbox"},
                                            {"dev_key_id", "0123456789abcdef"},
                                            {"limit", 150},
                                            {"used_count", 150},
                                            {"queued_count", 4},
                                            {"rate_limit_end_time", "2027-01-15T08:10:00Z"}}})},
            {"store",
             {{"state", "ready"},
              {"file", "/var/lib/billbroker/sessions.db"},
              {"message", ""},
              {"since_time", "2027-01-15T08:00:00Z"},
              {"next_try_time", nullptr}}},
            {"audit",
             {{"writable", true},
              {"message", ""},
              {"file", "/var/lib/billbroker/audit.jsonl"},
              {"session_reads_recorded", false}}},
            {"environments",
             Json::array({{{"name", "sandbox"}, {"base_url", "https://bill.test/connect"}}})},
            {"memory", {{"secret_bytes", 262'144}, {"unlocked_bytes", 0}}}}));
}

TEST_F(StatusDoctorTest, DoctorFindsNoProblem) {
  const std::string config =
      folder_.Write("billbrokerd.toml",
                    "[environments.sandbox]\nca_file = \"/ca.pem\"\nproxy = \"http://p:1\"\n");
  EXPECT_EQ(Run({"doctor", "--config", config}), kExitOk) << out_ << err_;
  EXPECT_THAT(host_.ran, ElementsAre("billbrokerd", "--check-config", "--config", config));
  ASSERT_THAT(host_.reached, SizeIs(1));
  EXPECT_EQ(host_.reached[0].base_url, "https://bill.test/connect");
  EXPECT_EQ(host_.reached[0].ca_file, "/ca.pem");
  EXPECT_EQ(host_.reached[0].proxy, "http://p:1");
  EXPECT_THAT(out_, HasSubstr("ok  lock "));
  EXPECT_THAT(out_, Not(HasSubstr("problem")));
}

TEST_F(StatusDoctorTest, DoctorNamesEachProblemWithFix) {
  status_.mutable_vault()->set_state(v1::VAULT_STATE_NO_COLLECTION);
  status_.mutable_vault()->set_fix("create one");
  status_.mutable_memory()->set_unlocked_bytes(4096);
  broker_.set_status(status_);
  host_.run_result = ProgramResult{1, "billbrokerd.toml:3: unknown key\n"};
  host_.unreachable["sandbox"] = absl::UnavailableError("certificate expired");
  EXPECT_EQ(
      Run({"doctor", "--config", folder_.Write("billbrokerd.toml", "x = 1"), "--output", "json"}),
      kExitFailed);
  EXPECT_EQ(OutJson()["ok"], false);
  EXPECT_EQ(StateOf("configuration"), "problem");
  EXPECT_EQ(StateOf("broker"), "ok");
  EXPECT_EQ(StateOf("memlock"), "problem");
  EXPECT_EQ(StateOf("bus"), "ok");
  EXPECT_EQ(StateOf("provider"), "ok");
  EXPECT_EQ(StateOf("collection"), "problem");
  EXPECT_EQ(StateOf("lock"), "skipped");
  EXPECT_EQ(StateOf("bill sandbox"), "problem");
  const Json found = OutJson();
  for (const Json& check : found["checks"]) {
    EXPECT_EQ(check["state"] == "problem", !check["fix"].get<std::string>().empty()) << check;
  }
  EXPECT_THAT(std::string(ErrorJson()["message"]), HasSubstr("4"));
}

TEST_F(StatusDoctorTest, DoctorChecksTheStore) {
  EXPECT_EQ(Run({"doctor", "--output", "json"}), kExitOk) << out_ << err_;
  EXPECT_EQ(StateOf("store"), "ok");
  for (const v1::StoreState state :
       {v1::STORE_STATE_DEGRADED, v1::STORE_STATE_MEMORY_ONLY, v1::STORE_STATE_NOT_ANSWERING}) {
    status_.mutable_store()->set_state(state);
    status_.mutable_store()->set_message("sessions.db: the disk is full; free space");
    broker_.set_status(status_);
    EXPECT_EQ(Run({"doctor", "--output", "json"}), kExitFailed);
    EXPECT_EQ(StateOf("store"), "problem");
    EXPECT_THAT(CheckOf("store")["finding"].get<std::string>(),
                AllOf(HasSubstr("sessions.db: the disk is full; free space"),
                      HasSubstr("since 2027-01-15T08:00:00Z")));
  }
  status_.mutable_store()->set_state(v1::STORE_STATE_WAITING);
  broker_.set_status(status_);
  EXPECT_EQ(Run({"doctor", "--output", "json"}), kExitOk);
  EXPECT_EQ(StateOf("store"), "skipped");
}

TEST_F(StatusDoctorTest, DoctorChecksTheAuditLog) {
  EXPECT_EQ(Run({"doctor", "--output", "json"}), kExitOk) << out_ << err_;
  EXPECT_EQ(StateOf("audit"), "ok");

  status_.mutable_audit()->set_message("its end is not kept; free the disk");
  broker_.set_status(status_);
  EXPECT_EQ(Run({"doctor", "--output", "json"}), kExitFailed);
  EXPECT_EQ(StateOf("audit"), "problem");
  EXPECT_EQ(CheckOf("audit")["finding"], "its end is not kept; free the disk");

  status_.mutable_audit()->set_writable(false);
  status_.mutable_audit()->set_message("no space left; free the disk");
  broker_.set_status(status_);
  EXPECT_EQ(Run({"doctor"}), kExitFailed);
  EXPECT_THAT(out_, HasSubstr("problem  audit "));
  EXPECT_THAT(out_, HasSubstr("no space left; free the disk\n"));
}

TEST_F(StatusDoctorTest, DoctorWithoutPermissionSkipsOtherChecks) {
  keyring_.status.set_state(v1::VAULT_STATE_NO_BUS);
  host_.lockable_bytes = 65'536;
  for (const Reason reason : {Reason::kCallerUnknown, Reason::kNotGranted}) {
    broker_.FailNext("GetStatus", MakeError(reason, "not for you"));
    EXPECT_EQ(Run({"doctor", "--output", "json"}), kExitFailed);
    const Json broker = CheckOf("broker");
    EXPECT_EQ(broker["state"], "problem");
    EXPECT_THAT(broker["finding"].get<std::string>(), HasSubstr(socket_));
    EXPECT_THAT(broker["fix"].get<std::string>(), HasSubstr("operator"));
    for (const char* check : {"memlock", "audit", "keyring", "bill"}) {
      EXPECT_EQ(StateOf(check), "skipped") << check;
    }
  }
}

TEST_F(StatusDoctorTest, DoctorSkipsBillWithUnknownCa) {
  host_.unreachable["sandbox"] = absl::UnavailableError("the broker's own CA is not known here");
  EXPECT_EQ(Run({"doctor"}), kExitOk) << out_ << err_;
  EXPECT_THAT(out_, HasSubstr("--config FILE"));
  EXPECT_EQ(Run({"doctor", "--config", folder_.Write("broken.toml", "[[["), "--output", "json"}),
            kExitOk);
  EXPECT_EQ(StateOf("bill"), "skipped");
  EXPECT_EQ(StateOf("bill sandbox"), "absent");
  EXPECT_THAT(host_.reached, SizeIs(0));
}

TEST_F(StatusDoctorTest, DoctorProbesTheKeyringWithoutBroker) {
  socket_ = folder_ / "nothing.sock";
  keyring_.status.set_state(v1::VAULT_STATE_LOCKED);
  keyring_.status.set_fix("unlock it");
  host_.environment["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/run/user/1/bus";
  host_.lockable_bytes = 65'536;
  EXPECT_EQ(Run({"doctor"}), kExitFailed);
  for (const std::string& text :
       {socket_, std::string("unix:path=/run/user/1/bus"), std::string("problem  lock "),
        std::string("unlock it"), std::string("64 KiB")}) {
    EXPECT_THAT(out_, HasSubstr(text));
  }
  EXPECT_THAT(host_.reached, SizeIs(0));
}

TEST_F(StatusDoctorTest, DoctorProbesWithTheBrokersSetting) {
  socket_ = folder_ / "nothing.sock";
  keyring_.status.set_state(v1::VAULT_STATE_READY);
  keyring_.needs_plain = true;
  const auto provider_with = [this](const std::string& config) {
    const std::string file = config.empty() ? "" : folder_.Write("broker.toml", config);
    EXPECT_EQ(Run({"doctor", "--output", "json", "--config", file}), kExitFailed);  // no broker
    return CheckOf("provider");
  };
  EXPECT_EQ(provider_with("[keyring]\nallow_plain_transfer = true\n")["state"], "ok");
  for (const char* config : {"[keyring]\nallow_plain_transfer = false\n", "state_dir = \"/s\"\n"}) {
    EXPECT_EQ(provider_with(config)["fix"], "use another provider, or set allow_plain_transfer");
  }
  // The setting is not known.
  for (const char* config : {"", "[[["}) {
    const Json provider = provider_with(config);
    EXPECT_EQ(provider["state"], "problem");
    EXPECT_THAT(provider["fix"].get<std::string>(),
                HasSubstr("if the broker's configuration has [keyring] allow_plain_transfer = "
                          "true, name it with --config FILE; otherwise use another provider"));
  }
}

TEST_F(StatusDoctorTest, DoctorSkipsChecksThatNeedTheBus) {
  socket_ = folder_ / "nothing.sock";
  keyring_.status.set_state(v1::VAULT_STATE_NO_BUS);
  keyring_.status.set_fix("start a bus");
  EXPECT_EQ(Run({"doctor", "--output", "json"}), kExitFailed);
  EXPECT_EQ(StateOf("bus"), "problem");
  EXPECT_EQ(StateOf("provider"), "skipped");
  EXPECT_EQ(StateOf("bill"), "skipped");
  EXPECT_EQ(StateOf("memlock"), "ok");
  EXPECT_EQ(StateOf("audit"), "skipped");
  EXPECT_THAT(out_, HasSubstr("DBUS_SESSION_BUS_ADDRESS"));
}

}  // namespace
}  // namespace billbroker
