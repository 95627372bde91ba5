#!/usr/bin/env bash
# The main job, shown to a person: a real keyring, a simulated BILL over TLS, the broker, two credentials, sessions that
# work. Everything lives in a folder of its own and is gone at the end.
#
#   tests/e2e/demo.sh FOLDER_OF_PROGRAMS        (./dev demo builds them first)
set -euo pipefail
umask 077 # the broker takes no policy that a group may write
bin=$(cd "$1" && pwd)
home=$(mktemp -d)
processes=()

finish() {
  local code=$? process
  for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
  if ((code)) && [[ -f $home/broker.log ]]; then
    echo "the demo failed; the broker's last words:" >&2
    tail -n 20 "$home/broker.log" >&2
  fi
  rm -rf "$home"
  exit "$code"
}
trap finish EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# Waits until a command succeeds, ten seconds at most.
await() {
  local name=$1
  shift
  for ((i = 0; i < 200; ++i)); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.05
  done
  echo "$name did not start" >&2
  return 1
}

start_keyring() {
  mkdir -m 700 "$home/run" "$home/data" "$home/config"
  cat >"$home/bus.conf" <<XML
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=$home/bus</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
XML
  export HOME=$home XDG_RUNTIME_DIR=$home/run XDG_DATA_HOME=$home/data XDG_CONFIG_HOME=$home/config
  export DBUS_SESSION_BUS_ADDRESS=unix:path=$home/bus
  dbus-daemon --nofork --config-file="$home/bus.conf" 2>"$home/bus.log" &
  processes+=($!)
  await "the bus" test -S "$home/bus"
  printf %s demo | gnome-keyring-daemon --foreground --unlock --components=secrets >"$home/keyring.log" 2>&1 &
  processes+=($!)
  await "the keyring" dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets \
    org.freedesktop.DBus.Peer.Ping
}

start_bill() {
  "$bin/billsim" --state-dir "$home/bill" >"$home/bill.json" &
  processes+=($!)
  await "billsim" jq -e '.event == "ready"' "$home/bill.json"
  bill_url=$(jq -r .base_url "$home/bill.json")
  bill_control=$(jq -r .control_url "$home/bill.json")
  bill_ca=$(jq -r .ca_file "$home/bill.json")
}

start_broker() {
  export BILLBROKER_SOCKET=$home/broker.sock
  cat >"$home/policy.toml" <<TOML
[[principal]]
name = "unix:demo"
users = ["$(id -u)"]

[[grant]]
principals = ["unix:demo"]
role = "admin"
organizations = ["*"]
TOML
  cat >"$home/billbrokerd.toml" <<TOML
state_dir = "$home/state"
policy_file = "$home/policy.toml"

[[listener]]
unix = "$BILLBROKER_SOCKET"

[environments.simulator]
base_url = "$bill_url"
ca_file = "$bill_ca"
TOML
  "$bin/billbrokerd" --config "$home/billbrokerd.toml" 2>"$home/broker.log" &
  processes+=($!)
  await "billbrokerd" grep -q '"event":"ready"' "$home/broker.log"
}

broker() { "$bin/billbroker" "$@"; }

sign_ins_of() {
  curl -sS "$bill_control/counts" | jq ".organizations[\"$1\"].sign_ins_succeeded // 0"
}

# Uses the session of an organization at BILL as any program would, and prints the name that BILL answers. The headers
# go through standard input, so that no secret is in an argument.
use_at_bill() {
  # shellcheck disable=SC2016  # the child expands them
  broker exec --org "$1" -- sh -c '
    printf "sessionId: %s\ndevKey: %s\n" "$BILL_SESSION_ID" "$BILL_DEV_KEY" |
      curl -sS --fail --cacert "$0" -H @- "$BILL_BASE_URL/v3/organizations/$1"' "$bill_ca" "$1" | jq -r .name
}

readonly payables=00801ACMEPAYABLES0001 receivables=00801ACMERECEIVE00002 bakery=00801CLIENTBAKERY0003

say "1. A keyring, a simulated BILL and the broker, in $home"
start_keyring
start_bill
start_broker
broker status

say "2. Two credentials go into the keyring: a user of two organizations, and an Accountant Console user of a client"
broker credential create acme-payables --environment simulator --kind user --username payables@acme.example \
  --organization "$payables" --organization "$receivables" --secrets-from-stdin <<'JSON'
{"dev_key": "devkey-acme-0001", "password": "correct-horse-battery"}
JSON
broker credential create bakery-books --environment simulator --kind console --username books@accountants.example \
  --organization "$bakery" --secrets-from-stdin <<JSON
{"console_api_token": "console-token-0001", "organization_dev_keys": {"$bakery": "devkey-client-0001"}}
JSON
broker credential list

say "3. 200 callers at once ask for a session that is not there yet"
curl -sS "$bill_control/latency" -d '{"milliseconds": 500}' >/dev/null
"$bin/callers" "$BILLBROKER_SOCKET" "$payables" 200
curl -sS "$bill_control/latency" -d '{"milliseconds": 0}' >/dev/null
sign_ins=$(sign_ins_of "$payables")
echo "sign-ins that BILL counted: $sign_ins"
[[ $sign_ins == 1 ]]

say "4. Each organization's session is used at BILL"
printf '%-24s %-20s %s\n' ORGANIZATION "BILL CALLS IT" SIGN-INS
for organization in "$payables" "$receivables" "$bakery"; do
  name=$(use_at_bill "$organization")
  printf '%-24s %-20s %s\n' "$organization" "$name" "$(sign_ins_of "$organization")"
done

say "5. One is logged out, for everyone"
broker session logout "$receivables"
broker session list

say "The demo is over; all that it started is stopped."
