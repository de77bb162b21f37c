for (( row = 1; row <= 2500; row++ )); do
  printf '%d %d %*s\n' "$row" $(( row * row )) $(( row % 60 )) '|'
done
