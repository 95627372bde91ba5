// SessionRpcTest: RpcTest with one credential of three organizations, and calls of
// SessionService.
#pragma once

#include "tests/server/rpc/rpc_fixture.h"
#include "tests/support/sample_ids.h"

namespace billbroker {

class SessionRpcTest : public RpcTest {
 protected:
  using SessionStub = v1::SessionService::Stub;

  SessionRpcTest() {
    Create(NewUser("acme-payables-user",
                   {kFirstOrganization, kSecondOrganization, kThirdOrganization}));
  }

  template <typename Request, typename Response>
  absl::Status Call(grpc::Status (SessionStub::*method)(grpc::ClientContext*, const Request&,
                                                        Response*),
                    const Request& request, Response* response) {
    return RpcTest::Call(*sessions_, method, request, response);
  }
};

}  // namespace billbroker
