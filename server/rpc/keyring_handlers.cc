// The handlers of CredentialServiceImpl for the keyring as a whole.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/rpc/credential_service.h"
#include "server/rpc/finish.h"
#include "server/rpc/request_values.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

void FillLoss(const KeyringLoss& loss, v1::AdoptKeyringResponse& proto) {
  proto.Clear();
  proto.set_confirmation(loss.confirmation);
  proto.set_credential_count(loss.credentials);
  proto.set_organization_count(loss.organizations);
  proto.set_sign_in_count(loss.sign_ins);
  for (const KeyringLoss::File& file : loss.files) {
    v1::SetAsideFile& to = *proto.add_files();
    to.set_file(file.path);
    to.set_aside(file.aside);
  }
}

// Returns the new names, without their folders.
std::string AsideNames(const KeyringLoss& loss) {
  return absl::StrJoin(loss.files, ", ", [](std::string* out, const KeyringLoss::File& file) {
    absl::StrAppend(out, file.aside.substr(file.aside.rfind('/') + 1));
  });
}

}  // namespace

// The audit log opens with the adoption, so the intent cannot be written before it.
absl::Status CredentialServiceImpl::Adopt(CallbackServerContext& context,
                                          const v1::AdoptKeyringRequest& request, CallInfo& call,
                                          v1::AdoptKeyringResponse& response) const {
  absl::Status granted = parts_.authorizer.Reauthorize(context, call.permission);
  if (!granted.ok()) return granted;
  const Prompts prompts = PromptsOf(request);
  absl::StatusOr<KeyringLoss> loss = parts_.adopter.Preview(prompts);
  if (!loss.ok()) return loss.status();
  FillLoss(*loss, response);
  if (request.validate_only()) return absl::OkStatus();
  if (request.confirmation() != loss->confirmation) {
    return Malformed("confirmation", absl::StrCat("is not \"", loss->confirmation, "\""));
  }
  loss = parts_.adopter.Adopt(prompts);
  if (!loss.ok()) return loss.status();
  FillLoss(*loss, response);
  call.record.SetAsideFiles(AsideNames(*loss));
  const absl::Status recorded = call.record.Do([] { return absl::OkStatus(); });
  if (recorded.ok()) return recorded;
  return MakeError(Reason::kAuditUnavailable,
                   absl::StrCat("the keyring was adopted, but the new audit log does not have a "
                                "record of it: ",
                                recorded.message()));
}

ServerUnaryReactor* CredentialServiceImpl::AdoptKeyring(CallbackServerContext* context,
                                                        const v1::AdoptKeyringRequest* request,
                                                        v1::AdoptKeyringResponse* response) {
  absl::StatusOr<CallInfo> admitted = parts_.authorizer.Admit(*context, *request);
  if (!admitted.ok()) return Finished(context->DefaultReactor(), admitted.status());
  ChangeQueue::Turn turn = TurnOf(*request, *admitted);
  return ChangeCall::Start(
      parts_.changes, std::move(turn),
      [this, context, request, response, call = *std::move(admitted)]() mutable {
        return Adopt(*context, *request, call, *response);
      });
}

}  // namespace billbroker
