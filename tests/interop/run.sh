#!/usr/bin/env bash
# Generates stubs in several languages without flags, and reads errors of a real broker with each
# language's own helper. Usage: tests/interop/run.sh BIN_FOLDER [LANGUAGE...]
#
# LANGUAGE/run.sh OUT PROTO SOCKET STRANGER_SOCKET checks one language: OUT is a folder of its own
# that survives, PROTO the folder of the protos. The policy grants the present user everything at
# SOCKET and nothing at STRANGER_SOCKET. If a toolchain is missing the language is skipped; in CI
# (CI=true) that is a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."

declare -rA tools=([cpp]='' [python]='python3' [node]='node npm' [go]='go protoc' [java]='java mvn')
readonly all=(cpp python node go java)

(($# >= 1)) || { sed -n 's/^# \{0,1\}//;2,3p' "$0" >&2; exit 2; }
bin=$(realpath "$1")
shift
languages=("${@:-${all[@]}}")
out=$PWD/build/interop
home=$(mktemp -d)
brokers=()

stop() {
  ((${#brokers[@]} == 0)) || kill "${brokers[@]}" 2>/dev/null || true
  wait
  rm -rf "$home"
}
trap stop EXIT

# Starts a broker whose policy grants everything to the user $2. It has no keyring and no BILL: its
# socket is $home/$1.sock.
start_broker() {
  local name=$1 user=$2
  mkdir -m 0700 "$home/$name"
  cat >"$home/$name/policy.toml" <<TOML
[[principal]]
name = "unix:interop"
users = ["$user"]
[[grant]]
principals = ["unix:interop"]
role = "admin"
organizations = ["*"]
TOML
  cat >"$home/$name/broker.toml" <<TOML
state_dir = "$home/$name/state"
policy_file = "$home/$name/policy.toml"
[[listener]]
unix = "$home/$name.sock"
[environments.sandbox]
base_url = "https://localhost:9"
TOML
  chmod 0600 "$home/$name"/*.toml
  DBUS_SESSION_BUS_ADDRESS=unix:path=$home/no-bus "$bin/billbrokerd" \
    --config "$home/$name/broker.toml" 2>"$home/$name.log" &
  brokers+=($!)
}

await_socket() {
  local tries
  for ((tries = 0; tries < 200; ++tries)); do
    [[ ! -S $home/$1.sock ]] || return 0
    sleep 0.05
  done
  echo "interop: the broker did not start:" >&2
  cat "$home/$1.log" >&2
  return 1
}

missing_tools() {
  local tool
  for tool in ${tools[$1]}; do
    command -v "$tool" >/dev/null || echo -n " $tool"
  done
}

start_broker granted "$(id -u)"
start_broker stranger 65534
await_socket granted
await_socket stranger

passed=0 failed=0 skipped=0
for language in "${languages[@]}"; do
  missing=$(missing_tools "$language")
  begin=$SECONDS
  mkdir -p "$out/$language"
  if [[ -n $missing && ${CI:-} != true ]]; then
    echo "interop $language: skipped, not installed:$missing"
    skipped=$((skipped + 1))
  elif [[ -z $missing ]] && BILLBROKER_BIN=$bin timeout 600 "tests/interop/$language/run.sh" \
    "$out/$language" "$PWD/proto" "$home/granted.sock" "$home/stranger.sock"; then
    echo "interop $language: passed in $((SECONDS - begin)) s"
    passed=$((passed + 1))
  else
    echo "interop $language: FAILED${missing:+, not installed:$missing}" >&2
    failed=$((failed + 1))
  fi
done
echo "interop: $passed passed, $failed failed, $skipped skipped"
((failed == 0))
