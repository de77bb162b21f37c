ls missing.txt
echo "ls: $?"
no_such_command
echo "command: $?"
false | true
echo "pipe: ${PIPESTATUS[*]}"
(exit 9) || echo "subshell: $?"
trap 'echo "trapped at line $LINENO: $BASH_COMMAND"' ERR
trap 'echo "bye $?"' EXIT
set -euo pipefail
echo "${HOME:+home is set} ${NOPE:-unset}"
false
echo never
