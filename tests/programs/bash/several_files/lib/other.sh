printf '<%s>' "$@"
echo " $#"
