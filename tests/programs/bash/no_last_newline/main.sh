while read -r line; do echo "[$line]"; done
echo "left: [$line]"
printf 'no end'
