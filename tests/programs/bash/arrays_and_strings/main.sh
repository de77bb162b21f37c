declare -A counts
for word in the cat sat on the mat the; do (( counts[$word]++ )); done
for word in $(printf '%s\n' "${!counts[@]}" | sort); do echo -n "$word=${counts[$word]} "; done; echo
path=/home/user/archive.tar.gz
echo "${path##*/} ${path%%.*} ${path%.*} ${path/user/root} ${#path} ${path:6:4}"
text="hello world"
echo "${text^} ${text//o/0} ${text/#hello/bye} ${text: -5} ${text@Q}"
array=(5 3 "x y"); array+=(7); unset 'array[1]'
printf '<%s>' "${array[@]}"; echo " ${#array[@]} ${!array[@]}"
echo {1..5} {a..e..2} {x,y}{1,2}
[[ "2024-02-29" =~ ^([0-9]{4})-([0-9]{2}) ]] && echo "${BASH_REMATCH[1]}/${BASH_REMATCH[2]}"
[[ abc < abd && 10 -gt 9 && -n $text && ! -e nothing ]] && echo compared
printf '%05d|%-6s|%6.2f|%x|%o|%e|%s\n' 42 ab 3.14159 255 8 12345.678 end
echo $(( 2**62 )) $(( 9223372036854775807 + 1 )) $(( -7 / 2 )) $(( -7 % 2 )) $(( 16#ff )) $(( 2#101 )) $(( 1 << 10 )) $(( 5 > 3 ? 1 : 0 ))
IFS=, read -r a b c <<< "1,2,3"; echo "$c$b$a"
