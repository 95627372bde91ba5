// Calls GetStatus as another user, each time over a connection of its own.
//
//   call_as SOCKET UID GID CALLS EXPECTED
//
// EXPECTED is the version in each answer. Exit codes: 0 all answers match, 1 an answer differs, 2
// the process could not become that user.
#include <grp.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <iostream>
#include <string>

#include "billbroker/v1/session.grpc.pb.h"

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  const std::string address = std::string("unix:") + argv[1];
  const auto user = static_cast<uid_t>(std::stoul(argv[2]));
  const auto group = static_cast<gid_t>(std::stoul(argv[3]));
  if (::setgroups(0, nullptr) != 0 || ::setgid(group) != 0 || ::setuid(user) != 0) return 2;
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  for (int i = 0; i < std::stoi(argv[4]); ++i) {
    const auto stub = billbroker::v1::SessionService::NewStub(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    billbroker::v1::GetStatusResponse response;
    const grpc::Status status = stub->GetStatus(&context, {}, &response);
    if (!status.ok() || response.version() != argv[5]) {
      std::cerr << "user " << user << " received \"" << response.version() << "\", "
                << status.error_message() << "\n";
      return 1;
    }
  }
  return 0;
}
