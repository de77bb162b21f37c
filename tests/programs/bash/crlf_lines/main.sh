total=0
while IFS=';' read -r name amount; do
  echo "${#amount}"
  amount=${amount%$'\r'}
  printf '[%s] [%s]\n' "$name" "$amount"
  [[ $amount =~ ^[0-9]+$ ]] && (( total += amount ))
done
echo "total $total"
