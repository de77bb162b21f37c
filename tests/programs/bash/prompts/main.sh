read -rp "What is your name? " name
echo -n "How old are you? "
read -r age
echo
echo "Hello, $name!"
echo "Next year you will be $((age + 1))"
read -r more || echo "end: '$more' $?"
mapfile -t rest
echo "${#rest[@]}"
