// What the tests of CurlBillApi share: a BILL of their own, and answers that can be waited for.
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

inline constexpr char kOrganization[] = "00801ACME";
inline constexpr char kSignedIn[] =
    R"({"sessionId":"S-1","organizationId":"00801ACME","userId":"00601USER","trusted":false})";
inline constexpr char kInfo[] =
    R"({"organizationId":"00801ACME","userId":"00601USER","mfaStatus":"COMPLETE"})";
inline constexpr char kGone[] = R"([{"code":"BDC_1109","message":"Session is invalid."}])";

// The answer of one call. A second answer, or none at all, throws and so fails the test.
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

  // Starts one that answers every request alike.
  TlsServer& ServeAlways(int status, const std::string& body, const std::string& headers = "") {
    return Serve([=](TlsServer::Connection& connection, const ServedRequest&) {
      connection.Answer(status, body, headers);
      return true;
    });
  }

  // The client; made at the first use.
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

  [[nodiscard]] static SessionKeys Keys(absl::string_view session_id = "S-1") {
    return {"test", std::make_shared<SecretString>(SecretString::CopyOf(session_id)),
            std::make_shared<SecretString>(SecretString::CopyOf("the-dev-key"))};
  }

  [[nodiscard]] static CredentialPtr User() {
    auto user = std::make_shared<Credential>();
    user->name = "acme";
    user->environment = "test";
    user->username = "ap@example.com";
    user->dev_key = SecretString::CopyOf("the-dev-key");
    user->password = SecretString::CopyOf("the-password");
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
