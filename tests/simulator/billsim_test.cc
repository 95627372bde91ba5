// The program billsim: its ready line, its exit codes, its end.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "nlohmann/json.hpp"
#include "tests/simulator/data_file.h"
#include "tests/simulator/https_client.h"
#include "tests/support/await.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

// One run of billsim. The destructor kills it if it still runs.
class Process final {
 public:
  explicit Process(std::vector<std::string> arguments) {
    int out[2];
    if (pipe2(out, O_CLOEXEC) != 0) std::abort();
    std::vector<char*> argv = {const_cast<char*>(BILLSIM_PROGRAM)};
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves nothing running
      dup2(out[1], STDOUT_FILENO);
      dup2(out[1], STDERR_FILENO);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(out[1]);
    out_ = fdopen(out[0], "r");
  }
  ~Process() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    fclose(out_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Returns the next line of stdout or stderr; empty at the end.
  std::string Line() {
    char line[4096];
    return fgets(line, sizeof(line), out_) == nullptr ? "" : line;
  }
  void Signal(int signal) { kill(pid_, signal); }
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = 0;
  FILE* out_ = nullptr;
};

class BillsimTest : public testing::Test {
 protected:
  BillsimTest() {
    std::string dir = (std::filesystem::temp_directory_path() / "billsim-test-XXXXXX").string();
    if (mkdtemp(dir.data()) == nullptr) std::abort();
    dir_ = dir;
  }
  ~BillsimTest() override { std::filesystem::remove_all(dir_); }

  std::string Write(const std::string& name, absl::string_view text) {
    std::ofstream(dir_ + "/" + name) << text;
    return dir_ + "/" + name;
  }

  std::string dir_;
};

TEST_F(BillsimTest, PrintsReadyLineOnce) {
  Process billsim({"--state-dir", dir_});
  const json ready = json::parse(billsim.Line());
  EXPECT_EQ(ready["event"], "ready");
  EXPECT_EQ(ready["ca_file"], dir_ + "/ca.pem");
  HttpsClient client(ready["ca_file"]);
  const std::string base = ready["base_url"], control = ready["control_url"];
  EXPECT_EQ(client.Get(base + "/v3/login/session").status, 401);
  EXPECT_EQ(client.Get(control + "/state").status, 200);
  billsim.Signal(SIGINT);
  EXPECT_EQ(billsim.Wait(), 0);
  EXPECT_EQ(billsim.Line(), "");
}

TEST_F(BillsimTest, ServesHttp2WithTheFlag) {
  Process billsim({"--state-dir", dir_, "--http2"});
  const json ready = json::parse(billsim.Line());
  HttpsClient client(ready["ca_file"]);
  const std::string base = ready["base_url"];
  const HttpsClient::Result answer = client.Get(base + "/v3/login/session");
  EXPECT_TRUE(absl::StartsWith(answer.headers, "HTTP/2 401")) << answer.headers;
}

TEST_F(BillsimTest, AcceptsItsOwnSample) {
  Process printer({"--sample-data"});
  std::string sample;
  for (std::string line = printer.Line(); !line.empty(); line = printer.Line()) sample += line;
  EXPECT_EQ(printer.Wait(), 0);
  EXPECT_EQ(sample, SampleData());
  Process billsim(
      {"--state-dir", dir_, "--data", Write("data.json", sample), "--set", "sign_ins_per_hour=7"});
  const std::string control = json::parse(billsim.Line())["control_url"];
  const HttpsClient::Result settings = HttpsClient("").Get(control + "/settings");
  EXPECT_EQ(json::parse(settings.body)["sign_ins_per_hour"], 7);
}

TEST_F(BillsimTest, NamesFaultyInputAndExits) {
  const std::string data = Write("data.json", R"({"users": [{"username": "u"}]})");
  Process with_data({"--data", data});
  EXPECT_EQ(with_data.Line(),
            "billsim: " + data + ": users[0].password: is required and must not be empty\n");
  EXPECT_EQ(with_data.Wait(), 1);
  Process with_setting({"--set", "sliding=maybe"});
  EXPECT_EQ(with_setting.Line(), "billsim: --set sliding: must be true or false\n");
  EXPECT_EQ(with_setting.Wait(), 1);
}

TEST_F(BillsimTest, NamesWrongArgumentsWithExitCode2) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--frob"},
                                             {"frob"},
                                             {"--port", "x"},
                                             {"--certificate", "paper"},
                                             {"--data", "/nope"}}) {
    Process billsim(arguments);
    EXPECT_TRUE(absl::StrContains(billsim.Line(), arguments.front())) << arguments.front();
    EXPECT_EQ(billsim.Wait(), 2) << arguments.front();
  }
  Process help({"--help"});
  EXPECT_NE(help.Line(), "");
  EXPECT_EQ(help.Wait(), 0);
}

TEST_F(BillsimTest, StopsCleanlyUnderLoad) {
  Process billsim({"--state-dir", dir_});
  const json ready = json::parse(billsim.Line());
  const std::string login = std::string(ready["base_url"]) + "/v3/login";
  const std::string faults = std::string(ready["control_url"]) + "/faults";
  HttpsClient idle(ready["ca_file"]);
  EXPECT_EQ(idle.Post(login, "{}").status, 400);
  EXPECT_EQ(idle.Post(faults, R"({"kind": "timeout", "path": "/v3/hangs", "count": 0})").status,
            200);

  std::atomic<int> answered = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([&, i] {
      HttpsClient client(ready["ca_file"]);
      const std::string hangs = std::string(ready["base_url"]) + "/v3/hangs";
      if (i % 4 == 0) return void(client.Get(hangs));
      while (client.Post(login, "{}").status == 400) ++answered;
    });
  }
  const std::string counts = std::string(ready["control_url"]) + "/counts";
  const auto hanging = [&] {
    return json::parse(idle.Get(counts).body)["paths"].value("/v3/hangs", 0);
  };
  Await([&] { return answered >= 200 && hanging() >= 4; }, "calls that hang and calls that end");
  billsim.Signal(SIGTERM);
  EXPECT_EQ(billsim.Wait(), 0);
  for (std::thread& client : clients) client.join();
}

}  // namespace
}  // namespace billbroker::billsim
