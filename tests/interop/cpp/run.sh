#!/usr/bin/env bash
# Runs check.cc, which CMake built with generated stubs. Arguments: see ../run.sh.
set -euo pipefail
"$BILLBROKER_BIN/interop_check" "$3" "$4"
