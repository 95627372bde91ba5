// bare_service: shows the cost of gRPC alone. A callback service whose GetSession always returns
// one response.
//
//   bare_service SOCKET FILE     FILE holds the response, a serialized GetSessionResponse
//
// Runs until SIGTERM.
#include <grpcpp/grpcpp.h>

#include <csignal>
#include <fstream>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "billbroker/v1/session.grpc.pb.h"

namespace billbroker {
namespace {

class BareService final : public v1::SessionService::CallbackService {
 public:
  explicit BareService(v1::GetSessionResponse answer) : answer_(std::move(answer)) {}

  grpc::ServerUnaryReactor* GetSession(grpc::CallbackServerContext* context,
                                       const v1::GetSessionRequest* /*request*/,
                                       v1::GetSessionResponse* response) override {
    *response = answer_;
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  const v1::GetSessionResponse answer_;
};

int Serve(const char* socket, const char* file) {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);  // before gRPC starts its threads

  std::ifstream in(file, std::ios::binary);
  v1::GetSessionResponse answer;
  if (!answer.ParseFromIstream(&in)) {
    std::cerr << "bare_service: " << file << " is not a valid GetSessionResponse\n";
    return 1;
  }
  BareService service(std::move(answer));
  grpc::ServerBuilder builder;
  builder.AddListeningPort(absl::StrCat("unix:", socket), grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  int signal = 0;
  sigwait(&ending, &signal);
  server->Shutdown();
  return 0;
}

}  // namespace
}  // namespace billbroker

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: bare_service SOCKET FILE\n";
    return 2;
  }
  return billbroker::Serve(argv[1], argv[2]);
}
