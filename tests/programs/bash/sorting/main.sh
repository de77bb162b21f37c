read -r count
head -n "$count" > students.csv
LC_ALL=C sort -t, -k2,2gr -k3,3n -k1,1 students.csv | awk -F, '{ printf "%2d. %-8s%6.2f %d\n", NR, $1, $2, $3 }'
numbers=(10 9 1 100 9)
printf '%s\n' "${numbers[@]}" | sort -n | uniq -c | sed 's/^ *//'
IFS=$'\n' sorted=($(sort -rn <<< "${numbers[*]}")); unset IFS
echo "${sorted[@]}"
