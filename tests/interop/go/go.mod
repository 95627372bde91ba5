module billbroker.invalid/interop

go 1.19

require (
	github.com/billbroker/billbroker/client/go v0.0.0
	google.golang.org/genproto/googleapis/rpc v0.0.0-20230711160842-782d3b101e98
	google.golang.org/grpc v1.58.3
	google.golang.org/grpc/cmd/protoc-gen-go-grpc v1.3.0
	google.golang.org/protobuf v1.31.0
)

require (
	github.com/golang/protobuf v1.5.3 // indirect
	golang.org/x/net v0.12.0 // indirect
	golang.org/x/sys v0.10.0 // indirect
	golang.org/x/text v0.11.0 // indirect
)

// The stubs that run.sh generates.
replace github.com/billbroker/billbroker/client/go => ./github.com/billbroker/billbroker/client/go
