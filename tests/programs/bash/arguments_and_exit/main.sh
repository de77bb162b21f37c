echo "$# $1 ${4} $0" | sed 's#[^ ]*/##'
while getopts "n:v" option; do echo "$option ${OPTARG-}"; done
shift $((OPTIND - 1))
printf '<%s>' "$@"; echo
echo "$COLOUR ${NOPE-unset}"
echo warning >&2
printf 'no newline '
exit 263
