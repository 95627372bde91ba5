# shellcheck shell=bash
# bash completion for billbroker: commands, options, and the names of the broker's credentials and
# environments.

# Offers the words in "$2" that begin with "$1".
_billbroker_offer() { mapfile -t COMPREPLY < <(compgen -W "$2" -- "$1"); }

# Asks the broker; prints nothing if it does not answer.
_billbroker_names() {
  local listing
  case $1 in
    credential) listing=$(billbroker credential list --output json --timeout 2s 2>/dev/null) ;;
    environment) listing=$(billbroker status --output json --timeout 2s 2>/dev/null) ;;
  esac
  sed -n 's/^ *"name": "\([a-z0-9-]*\)",\{0,1\}$/\1/p' <<<"$listing"
}

# The options of the command "$1", such as "credential create".
_billbroker_options() {
  case $1 in
    'credential create')
      echo --environment --kind --username --organization --organizations-from --sync-token --device \
        --secrets-from-stdin --allow-prompt
      ;;
    'credential delete') echo --force --yes --allow-prompt ;;
    'credential attach') echo --from --secrets-from-stdin --allow-prompt ;;
    'credential detach' | 'credential resume-rotation' | 'credential cancel-rotation' | login) echo --allow-prompt ;;
    'credential discover') echo --attach --organization --allow-prompt ;;
    'credential import') echo --dry-run --allow-prompt ;;
    'credential rotate')
      echo --username --device --secrets-from-stdin --organization --no-verify --end-sessions --wait --wait-timeout --allow-prompt
      ;;
    'credential rollback') echo --organization --no-verify --end-sessions --wait --wait-timeout --allow-prompt ;;
    'credential verify') echo --organization ;;
    'keyring adopt') echo --confirm --allow-prompt ;;
    'mfa renew') echo --organization --device --code-from-stdin --allow-prompt ;;
    'session get')
      echo --credential --include-dev-key --include-headers --require-trusted --min-remaining --stale-generation --cached-only --show
      ;;
    'session login') echo --credential --force --show ;;
    'session logout' | 'session list') echo --credential ;;
    'session watch') echo --credential --keep-warm ;;
    exec) echo --org --credential --require-trusted ;;
    doctor) echo --config ;;
  esac
  echo --socket --address --ca-file --certificate-file --key-file --output --timeout --help
}

# Prints the possible values of the option "$1". Fails if the option takes none.
_billbroker_value() {
  case $1 in
    --output) _billbroker_offer "$2" 'table json' ;;
    --kind) _billbroker_offer "$2" 'user console partner' ;;
    --credential) _billbroker_offer "$2" "$(_billbroker_names credential)" ;;
    --environment) _billbroker_offer "$2" "$(_billbroker_names environment)" ;;
    --socket | --config | --organizations-from | --from | --ca-file | --certificate-file | --key-file) compopt -o default 2>/dev/null ;;
    --address | --username | --organization | --device | --org | --timeout | --wait-timeout | --min-remaining | --stale-generation | --confirm) ;;
    *) return 1 ;;
  esac
}

# Puts the words up to the cursor into "args", with --option=value as two words: bash splits it into
# three, or does not split it if COMP_WORDBREAKS has no "=". Then "joined" is the text before the
# value in the word at the cursor.
_billbroker_args() {
  local i word
  args=() joined=
  for ((i = 0; i <= COMP_CWORD; ++i)); do
    word=${COMP_WORDS[i]} joined=
    case $word in
      =) ((i < COMP_CWORD)) || args+=('') ;;
      --*=*)
        joined=${word%%=*}=
        args+=("${word%%=*}" "${word#*=}")
        ;;
      *) args+=("$word") ;;
    esac
  done
}

_billbroker() {
  local args joined words=() i
  COMPREPLY=()
  _billbroker_args
  local word=${args[-1]} previous=${args[-2]-}
  if _billbroker_value "$previous" "$word"; then
    COMPREPLY=("${COMPREPLY[@]/#/$joined}")
    return
  fi
  # An option that takes no value, but has one.
  [[ $joined || ${COMP_WORDS[COMP_CWORD]} == = || ${COMP_WORDS[COMP_CWORD - 1]} == = ]] && return
  for ((i = 1; i < ${#args[@]} - 1; ++i)); do
    case ${args[i]} in
      --) # The command of exec follows.
        compopt -o default 2>/dev/null
        return
        ;;
      --socket | --address | --ca-file | --certificate-file | --key-file | --output | --timeout | --credential | --org) ((++i)) ;;
      -*) ;;
      *) words+=("${args[i]}") ;;
    esac
  done
  local command=${words[0]-}
  [[ $command == credential || $command == session || $command == mfa || $command == audit || $command == keyring ]] && command="${words[*]:0:2}"
  if [[ $word == -* ]]; then
    _billbroker_offer "$word" "$(_billbroker_options "$command")"
    return
  fi
  case "${#words[@]} $command" in
    '0 ') _billbroker_offer "$word" 'login credential session mfa status audit keyring exec doctor' ;;
    '1 credential') _billbroker_offer "$word" 'create show list delete rotate rollback verify resume-rotation \
      cancel-rotation attach detach discover export import' ;;
    '1 audit') _billbroker_offer "$word" verify ;;
    '1 keyring') _billbroker_offer "$word" adopt ;;
    *' audit verify') compopt -o default 2>/dev/null ;;
    '1 mfa') _billbroker_offer "$word" 'renew step-up' ;;
    '1 session') _billbroker_offer "$word" 'get login logout list watch' ;;
    '2 credential show' | '2 credential delete' | '2 credential attach' | '2 credential detach' | \
      '2 credential rotate' | '2 credential rollback' | '2 credential verify' | \
      '2 credential resume-rotation' | '2 credential cancel-rotation' | \
      '2 credential discover' | '2 mfa renew' | '2 mfa step-up' | *' credential export')
      _billbroker_offer "$word" "$(_billbroker_names credential)"
      ;;
  esac
}

complete -F _billbroker billbroker
