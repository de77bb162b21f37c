cat > data.txt <<'END'
pear 3
apple 10
fig 7
END
sort data.txt | tee sorted.txt | head -n 1
awk '{ total += $2 } END { print total, NR, total / NR }' data.txt
sed -n 's/^\(.*\) \(.*\)$/\2:\1/p' data.txt | tr a-z A-Z
cut -d' ' -f2 data.txt | paste -sd+ | { read -r sum; echo "$sum = $((sum))"; }
diff <(sort data.txt) sorted.txt && echo same
grep -c e data.txt; wc -l < data.txt
exec 3> three.txt; echo "to three" >&3; exec 3>&-; cat three.txt
mkdir -p a/b; touch a/b/{x,y}.txt; find a -type f | sort; rm -r a; [[ -d a ]] || echo gone
echo "$(date -u -d @0 +%Y-%m-%dT%H:%M:%SZ) $(TZ=Asia/Tokyo date -d @0 +%H:%M%z) $(date -u -d '2024-02-28 +2 days' +%F)"
seq 3 | xargs -I{} echo "item {}"; yes | head -n 2; echo "3.5 * 2" | awk '{ print $1 * $3 }'
mktemp > name; [[ $(< name) == /tmp/* ]] && echo temporary
{ echo out; echo err >&2; } 2>&1 | sort
