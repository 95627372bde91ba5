#!/usr/bin/env bash
# Generates Java stubs without flags and runs Check.java. Arguments: see ../run.sh.
set -euo pipefail
out=$1 proto=$2
here=$(cd "$(dirname "$0")" && pwd)
cp -r "$here/pom.xml" "$here/src" "$out"
mvn --batch-mode --quiet --file "$out/pom.xml" -Dproto.folder="$proto" \
  compile exec:java -Dexec.args="$3 $4"
