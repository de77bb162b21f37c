balance=100
while read -r amount; do
  if (( amount > balance )); then
    echo "not enough money: $balance left" >&2
    exit 3
  fi
  (( balance -= amount ))
  echo "paid $amount"
done
echo done
