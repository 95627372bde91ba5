// RpcCatalogTest: a table of all RPCs, with a call of each for existing and missing names.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/access/policy.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace billbroker {

// The scope that a grant has to cover.
enum class Scope {
  kAnything,
  kPair,
  kCredentialOfOrganization,  // the credential that serves the organization
  kCredential,
  kAttachment,  // the credential, and the organization for itself
  kEverything,
};

// The names in a call. They may exist or not, and be granted or not.
struct Target {
  std::string organization_id;
  std::string credential;
};

class RpcCatalogTest : public RpcTest {
 protected:
  static constexpr char kNobodysUid[] = "0123456789abcdef0123456789abcdef";

  struct Row {
    const char* rpc;
    Role least;
    Scope scope;
    // Code and reason of a granted call, for existing and for missing names.
    const char* here;
    const char* gone;
    std::function<absl::Status(const Target&)> ask;
  };

  explicit RpcCatalogTest(bool session_reads = false) : RpcTest(nullptr, session_reads) {
    Create(NewUser("granted-name-here", {"granted-name-here"}));
    Create(NewUser("another-name-here", {"another-name-here"}));
  }

  // The parts of a grant that cover names that begin with "granted-".
  struct Shape {
    bool organizations;
    bool credentials;
  };

  void Grant(Role role, const Shape& shape = {true, true}) {
    const std::vector<std::string> granted = {"granted-*"};
    ::billbroker::Grant grant{{kPrincipal}, role, {}, {}};
    if (shape.organizations) grant.organizations = granted;
    if (shape.credentials) grant.credentials = granted;
    Policy policy = EverythingGranted();
    policy.grants = {grant};
    callers_.SetPolicy(policy);
  }

  template <typename Stub, typename Request, typename Response>
  absl::Status Ask(Stub& stub,
                   grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                   const Request& request) {
    Response response;
    return Call(stub, method, request, &response);
  }

  template <typename Request>
  static Request OfPair(const Target& target) {
    Request request;
    request.set_organization_id(target.organization_id);
    return request;
  }

  template <typename Request>
  static Request OfVersion(const Target& target) {
    Request request;
    request.set_credential(target.credential);
    request.set_uid(kNobodysUid);
    request.set_version(1);
    return request;
  }

  std::vector<Row> SessionRows();
  std::vector<Row> CredentialRows();
  std::vector<Row> MfaRows();
  std::vector<Row> AuditRows();
  std::vector<Row> Rows() {
    std::vector<Row> rows = SessionRows();
    for (auto& more : {CredentialRows(), MfaRows(), AuditRows()})
      rows.insert(rows.end(), more.begin(), more.end());
    return rows;
  }
};

}  // namespace billbroker
