// The fixture of the tests of CurlBillApi: a TLS server as BILL, and answers to wait for.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/bill/curl_bill_api.h"
#include "tests/server/bill/certificates.h"
#include "tests/server/bill/tls_server.h"
#include "vault/base/clock.h"

namespace billbroker {

inline constexpr char kOrganization[] = "00801ACMEPAYABLES0001";
inline constexpr char kUser[] = "00601ACMEUSER00000001";
inline constexpr char kSessionId[] = "session-id-of-payables-0001";
inline constexpr char kPassword[] = "correct-horse-battery";
inline constexpr char kDevKey[] = "devkey-of-payables-0001";
inline constexpr char kSignedIn[] =
    R"({"sessionId":"session-id-of-payables-0001","organizationId":"00801ACMEPAYABLES0001","userId":"00601ACMEUSER00000001","trusted":false})";
inline constexpr char kInfo[] =
    R"({"organizationId":"00801ACMEPAYABLES0001","userId":"00601ACMEUSER00000001","mfaStatus":"COMPLETE"})";
inline constexpr char kGone[] = R"([{"code":"BDC_1109","message":"Session is invalid."}])";

// The answer of one call. A second answer, or none at all, throws and fails the test.
template <typename T>
class Answer final {
 public:
  BillApi::Done<T> done() {
    return [promise = std::move(promise_)](BillResult<T> result) mutable {
      promise.set_value(std::make_unique<BillResult<T>>(std::move(result)));
    };
  }
  [[nodiscard]] bool IsThere() const {
    return future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  BillResult<T> Wait() {
    if (future_.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
      ADD_FAILURE() << "no answer within a minute";
      return BillError{};
    }
    return std::move(*future_.get());
  }

 private:
  std::promise<std::unique_ptr<BillResult<T>>> promise_;
  std::future<std::unique_ptr<BillResult<T>>> future_ = promise_.get_future();
};

class CurlTest : public ::testing::Test {
 protected:
  CurlTest() { options_.total_timeout = absl::Seconds(20); }

  // Starts the BILL of this test.
  TlsServer& Serve(TlsServer::Handler handler, const CertificateShape& shape = {},
                   int newest_tls = TLS1_3_VERSION) {
    server_ = std::make_unique<TlsServer>(authority_.Issue(shape), std::move(handler), newest_tls);
    environment_.base_url = server_->url();
    return *server_;
  }

  // Starts a BILL that answers every request alike.
  TlsServer& ServeAlways(int status, const std::string& body, const std::string& headers = "") {
    return Serve([=](TlsServer::Connection& connection, const ServedRequest&) {
      connection.Answer(status, body, headers);
      return true;
    });
  }

  // Returns the client, which is created at the first use.
  CurlBillApi& Api() {
    if (api_ == nullptr) {
      api_ =
          std::make_unique<CurlBillApi>(std::vector<Environment>{environment_}, options_, *clock_);
    }
    return *api_;
  }

  BillResult<SignInAnswer> SignIn() {
    Answer<SignInAnswer> answer;
    Api().SignIn({credential_, kOrganization}, answer.done());
    return answer.Wait();
  }
  BillResult<SignedOut> SignOut() {
    Answer<SignedOut> answer;
    Api().SignOut(Keys(), answer.done());
    return answer.Wait();
  }
  BillResult<SessionInfo> GetInfo() {
    Answer<SessionInfo> answer;
    Api().GetSessionInfo(Keys(), answer.done());
    return answer.Wait();
  }

  [[nodiscard]] static SessionKeys Keys(absl::string_view session_id = kSessionId) {
    return {"test", std::make_shared<SecretString>(SecretString::CopyOf(session_id)),
            std::make_shared<SecretString>(SecretString::CopyOf(kDevKey))};
  }

  [[nodiscard]] static CredentialPtr User() {
    auto user = std::make_shared<Credential>();
    user->name = "acme-payables-user";
    user->environment = "test";
    user->username = "payables@acme.example";
    user->dev_key = SecretString::CopyOf(kDevKey);
    user->password = SecretString::CopyOf(kPassword);
    user->organizations.push_back({kOrganization, SecretString()});
    return user;
  }

  const CertificateAuthority authority_;
  const SystemClock system_clock_;
  const Clock* clock_ = &system_clock_;
  const CredentialPtr credential_ = User();
  CurlOptions options_;
  Environment environment_{"test", "", authority_.file(), ""};
  std::unique_ptr<TlsServer> server_;
  std::unique_ptr<CurlBillApi> api_;
};

}  // namespace billbroker
