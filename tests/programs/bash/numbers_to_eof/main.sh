count=0 sum=0
while read -ra words; do
  for word in "${words[@]}"; do
    (( count++ == 0 )) && low=$word high=$word
    (( sum += word, low = word < low ? word : low, high = word > high ? word : high ))
  done
done
echo "$count $sum $low $high"
printf 'mean %d.%03d\n' $(( sum / count )) $(( sum * 1000 / count % 1000 ))
