#!/usr/bin/env bash
# Runs check.js, which loads the protos itself. Arguments: see ../run.sh.
set -euo pipefail
out=$1 proto=$2
here=$(cd "$(dirname "$0")" && pwd)
cp "$here"/{package.json,package-lock.json,check.js} "$out"
npm ci --ignore-scripts --silent --no-audit --no-fund --prefix "$out"
node "$out/check.js" "$proto" "$3" "$4"
