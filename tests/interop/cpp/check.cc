// Reads errors of a real broker with the C++ client library. Arguments: its socket, a stranger's
// socket.
#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "client/admin_client.h"
#include "client/session_client.h"
#include "vault/base/error.h"

namespace {

void Expect(bool condition, const std::string& what) {
  if (condition) return;
  std::cerr << "interop: unexpected: " << what << '\n';
  std::exit(1);
}

void Check(const std::string& socket, const std::string& stranger_socket) {
  billbroker::ClientOptions options;
  options.address = absl::StrCat("unix:", stranger_socket);
  const auto stranger = billbroker::OpenChannel(options);
  Expect(stranger.ok(), stranger.status().ToString());
  const absl::Status refused = billbroker::AdminClient(*stranger, options).GetStatus().status();
  Expect(billbroker::HasReason(refused, billbroker::Reason::kCallerUnknown), refused.ToString());

  options.address = absl::StrCat("unix:", socket);
  const auto channel = billbroker::OpenChannel(options);
  Expect(channel.ok(), channel.status().ToString());
  billbroker::SessionClient client(*channel, options);
  const absl::Status malformed = client.GetSession("not valid").status();
  const auto details = billbroker::DetailsOf(malformed);
  Expect(details.has_value() && details->reason == billbroker::Reason::kMalformedRequest &&
             details->metadata.at("field") == "organization_id",
         malformed.ToString());

  billbroker::v1::BatchGetSessionsRequest request;
  request.add_requests()->set_organization_id("not valid");
  billbroker::v1::BatchGetSessionsResponse response;
  grpc::ClientContext context;
  const auto stub = billbroker::v1::SessionService::NewStub(*channel);
  const grpc::Status batch = stub->BatchGetSessions(&context, request, &response);
  Expect(batch.ok() && response.outcomes_size() == 1, batch.error_message());
  std::string json;
  const auto converted = google::protobuf::util::MessageToJsonString(response.outcomes(0), &json);
  Expect(converted.ok() && json.find("\"reason\":\"MALFORMED_REQUEST\"") != std::string::npos,
         json);
}

}  // namespace

int main(int argc, char** argv) {
  Expect(argc == 3, "the number of arguments");
  Check(argv[1], argv[2]);
}
