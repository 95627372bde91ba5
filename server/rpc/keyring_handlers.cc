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
absl::StatusOr<KeyringLoss> CredentialServiceImpl::Adopt(const AdoptionWish& wish,
                                                         Record& record) const {
  absl::StatusOr<KeyringLoss> loss = parts_.adopter.Preview(wish.prompts);
  if (!loss.ok() || wish.validate_only) return loss;
  if (wish.confirmation != loss->confirmation) {
    return Malformed("confirmation", absl::StrCat("is not \"", loss->confirmation, "\""));
  }
  loss = parts_.adopter.Adopt(wish.prompts);
  if (!loss.ok()) return loss;
  record.SetAsideFiles(AsideNames(*loss));
  const absl::Status recorded = record.Do([] { return absl::OkStatus(); });
  if (recorded.ok()) return loss;
  return MakeError(Reason::kAuditUnavailable,
                   absl::StrCat("the keyring was adopted, but the new audit log does not have a "
                                "record of it: ",
                                recorded.message()));
}

ServerUnaryReactor* CredentialServiceImpl::AdoptKeyring(CallbackServerContext* context,
                                                        const v1::AdoptKeyringRequest* request,
                                                        v1::AdoptKeyringResponse* response) {
  absl::StatusOr<CallInfo> admitted = parts_.authorizer.Admit(*context, *request);
  if (!admitted.ok()) return parts_.changes.state.Refuse(*context, admitted.status());
  struct Adoption {
    AdoptionWish wish;
    CallInfo call;
    absl::StatusOr<KeyringLoss> loss = absl::CancelledError();
  };
  ChangeQueue::Turn turn = TurnOf(*request, *admitted);
  const auto adoption = std::make_shared<Adoption>(
      Adoption{{request->confirmation(), request->validate_only(), PromptsOf(*request)},
               *std::move(admitted)});
  ChangeCall::Steps steps;
  steps.begin = [this, context, adoption] {
    return parts_.authorizer.Reauthorize(*context, adoption->call.permission);
  };
  steps.work = [this, adoption] {
    adoption->loss = Adopt(adoption->wish, adoption->call.record);
    return adoption->loss.status();
  };
  steps.end = [response, adoption](const absl::Status& status) {
    if (adoption->loss.ok()) FillLoss(*adoption->loss, *response);
    return status;
  };
  return ChangeCall::Start(parts_.changes, std::move(turn), std::move(steps));
}

}  // namespace billbroker
