// WatchTest: streams of WatchSessions, on an RpcTest with a credential of three organizations.
#pragma once

#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/server/rpc/rpc_fixture.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {

// One stream, whose reads fail after 30 s.
class WatchReader final {
 public:
  WatchReader(v1::SessionService::Stub& stub, const v1::WatchSessionsRequest& request) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    reader_ = stub.WatchSessions(&context_, request);
  }
  ~WatchReader() {
    context_.TryCancel();
    if (!finished_) End().IgnoreError();
  }
  WatchReader(const WatchReader&) = delete;
  WatchReader& operator=(const WatchReader&) = delete;

  // Returns the next message, which has no event if the stream ended.
  v1::WatchSessionsResponse Next() {
    v1::WatchSessionsResponse response;
    reader_->Read(&response);
    return response;
  }
  v1::SessionUpdate NextUpdate() { return Next().update(); }
  absl::Status NextError() { return FromErrorStatus(NextUpdate().error()); }

  // Returns the first state of each of `count` organizations; a `complete` must follow.
  std::vector<v1::SessionUpdate> PresentState(int count) {
    std::vector<v1::SessionUpdate> updates;
    for (int i = 0; i < count; ++i) updates.push_back(NextUpdate());
    EXPECT_TRUE(Next().has_complete());
    return updates;
  }

  void Cancel() { context_.TryCancel(); }
  // Drops unread messages and returns the status of the stream.
  absl::Status End() {
    v1::WatchSessionsResponse rest;
    while (reader_->Read(&rest)) {
    }
    finished_ = true;
    return FromGrpcStatus(reader_->Finish());
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchSessionsResponse>> reader_;
  bool finished_ = false;
};

class WatchTest : public RpcTest {
 protected:
  WatchTest() {
    Create(NewUser("acme-payables-user",
                   {"00800000000000000081", "00800000000000000082", "00800000000000000083"}));
  }

  static v1::WatchSessionsRequest Of(const std::vector<std::string>& organization_ids) {
    v1::WatchSessionsRequest request;
    for (const std::string& id : organization_ids) {
      request.add_organizations()->set_organization_id(id);
    }
    return request;
  }

  std::unique_ptr<WatchReader> Watch(const v1::WatchSessionsRequest& request) {
    return std::make_unique<WatchReader>(*sessions_, request);
  }
  std::unique_ptr<WatchReader> Watch(const std::vector<std::string>& organization_ids) {
    return Watch(Of(organization_ids));
  }

  bool Logout(const std::string& organization_id) {
    v1::LogoutRequest request;
    request.set_organization_id(organization_id);
    v1::LogoutResponse response;
    EXPECT_THAT(Call(*sessions_, &v1::SessionService::Stub::Logout, request, &response), IsOk());
    return response.ended();
  }

  // Returns once no stream watches anything.
  void AwaitNoWatcher() const {
    Await([this] { return hub_.watched() == 0; }, "the end of all watches");
  }
};

}  // namespace billbroker
