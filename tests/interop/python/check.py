"""Reads errors of a real broker with grpcio-status. Arguments: its socket, a stranger's socket."""

import json
import sys

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from billbroker.v1 import session_pb2, session_pb2_grpc

# Each has a connection of its own, which the broker answers without gRPC and closes.
STRANGER_CALLS = 20


def error_info(call, request):
    """Returns the status code and the ErrorInfo of a call that fails."""
    try:
        call(request, timeout=10)
    except grpc.RpcError as error:
        for detail in rpc_status.from_call(error).details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                return error.code(), info
    raise AssertionError("the call did not fail with an ErrorInfo")


def expect(got, expected):
    if got != expected:
        raise AssertionError(f"got {got!r} instead of {expected!r}")


def main(socket, stranger_socket):
    for _ in range(STRANGER_CALLS):
        with grpc.insecure_channel(f"unix:{stranger_socket}") as channel:
            stub = session_pb2_grpc.SessionServiceStub(channel)
            code, info = error_info(stub.GetStatus, session_pb2.GetStatusRequest())
            expect(code, grpc.StatusCode.UNAUTHENTICATED)
            expect((info.domain, info.reason), ("billbroker", "CALLER_UNKNOWN"))
    malformed = session_pb2.GetSessionRequest(organization_id="not valid")
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        stub = session_pb2_grpc.SessionServiceStub(channel)
        code, info = error_info(stub.GetSession, malformed)
        expect(code, grpc.StatusCode.INVALID_ARGUMENT)
        expect((info.domain, info.reason), ("billbroker", "MALFORMED_REQUEST"))
        expect(dict(info.metadata), {"field": "organization_id"})
        batch = stub.BatchGetSessions(
            session_pb2.BatchGetSessionsRequest(requests=[malformed]), timeout=10
        )
    outcome = json.loads(json_format.MessageToJson(batch.outcomes[0]))
    expect(outcome["error"]["reason"], "MALFORMED_REQUEST")
    expect(outcome["error"]["metadata"], {"field": "organization_id"})


main(*sys.argv[1:])
