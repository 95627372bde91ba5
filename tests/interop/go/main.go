// Reads errors of a real broker with the status package of grpc-go. Arguments: its socket, a
// stranger's socket.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	pb "github.com/billbroker/billbroker/client/go/billbrokerpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func connect(socket string) pb.SessionServiceClient {
	channel, err := grpc.Dial("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	return pb.NewSessionServiceClient(channel)
}

// expectError fails unless err has the code and an ErrorInfo with the reason, and returns its metadata.
func expectError(err error, code codes.Code, reason string) map[string]string {
	received := status.Convert(err)
	if received.Code() != code {
		log.Fatalf("got %v, want %v", err, code)
	}
	for _, detail := range received.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			if info.Domain != "billbroker" || info.Reason != reason {
				log.Fatalf("got %v, want %s", info, reason)
			}
			return info.Metadata
		}
	}
	log.Fatalf("no ErrorInfo in %v", err)
	return nil
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	// Each call has a connection of its own, which the broker answers without gRPC and closes.
	for calls := 0; calls < 20; calls++ {
		_, err := connect(os.Args[2]).GetStatus(ctx, &pb.GetStatusRequest{})
		expectError(err, codes.Unauthenticated, "CALLER_UNKNOWN")
	}

	broker := connect(os.Args[1])
	malformed := &pb.GetSessionRequest{OrganizationId: "not valid"}
	_, err := broker.GetSession(ctx, malformed)
	metadata := expectError(err, codes.InvalidArgument, "MALFORMED_REQUEST")
	if metadata["field"] != "organization_id" {
		log.Fatalf("unexpected metadata %v", metadata)
	}

	batch, err := broker.BatchGetSessions(
		ctx, &pb.BatchGetSessionsRequest{Requests: []*pb.GetSessionRequest{malformed}})
	if err != nil {
		log.Fatal(err)
	}
	outcome := batch.Outcomes[0]
	json, err := protojson.Marshal(outcome)
	if err != nil {
		log.Fatal(err)
	}
	var read pb.SessionOutcome
	if err := protojson.Unmarshal(json, &read); err != nil {
		log.Fatal(err)
	}
	if !proto.Equal(outcome, &read) || read.GetError().GetReason() != "MALFORMED_REQUEST" {
		log.Fatal(fmt.Sprintf("unexpected JSON %s", json))
	}
}
