#!/usr/bin/env bash
# Generates Go stubs without flags and runs main.go. Arguments: see ../run.sh.
set -euo pipefail
out=$1 proto=$2
here=$(cd "$(dirname "$0")" && pwd)
cp "$here"/{main.go,tools.go,go.mod,go.sum} "$out"
stubs=$out/github.com/billbroker/billbroker/client/go
mkdir -p "$stubs"
cp "$here/stubs.mod" "$stubs/go.mod"
cd "$out"
# Generators of the versions in go.mod; no other toolchain is downloaded.
export GOBIN=$out/bin GOTOOLCHAIN=local PATH=$out/bin:$PATH
go install google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
protoc -I "$proto" --go_out "$out" --go-grpc_out "$out" "$proto"/billbroker/v1/*.proto
go run . "$3" "$4"
