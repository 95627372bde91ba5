#!/usr/bin/env bash
# Generates Python stubs without flags and runs check.py. Arguments: see ../run.sh.
set -euo pipefail
out=$1 proto=$2
here=$(cd "$(dirname "$0")" && pwd)
[[ -x $out/venv/bin/python ]] || python3 -m venv "$out/venv"
"$out/venv/bin/pip" install --quiet --require-hashes --only-binary :all: \
  --requirement "$here/requirements.txt"
mkdir -p "$out/stubs"
"$out/venv/bin/python" -m grpc_tools.protoc -I "$proto" --python_out "$out/stubs" \
  --grpc_python_out "$out/stubs" "$proto"/billbroker/v1/*.proto
PYTHONPATH=$out/stubs "$out/venv/bin/python" "$here/check.py" "$3" "$4"
