factorial() {
  local n=$1
  (( n < 2 )) && { echo 1; return; }
  echo $(( n * $(factorial $(( n - 1 ))) ))
}
hanoi() { (( $1 == 0 )) && return; hanoi $(( $1 - 1 )) "$2" "$4" "$3"; echo -n "$2$3 "; hanoi $(( $1 - 1 )) "$4" "$3" "$2"; }
fill() { local -n target=$1; shift; target=("$@"); }
factorial 20
hanoi 3 A B C; echo
fill list a "b c" d
echo "${#list[@]} ${list[1]} ${list[-1]} ${!list[*]}"
fib() { if (( $1 < 2 )); then result=$1; else fib $(( $1 - 1 )); local a=$result; fib $(( $1 - 2 )); (( result += a )); fi; }
fib 12; echo "$result"
is_even() { (( $1 % 2 == 0 )); }
for n in 1 2; do is_even $n && echo "$n even" || echo "$n odd"; done
select_case() { case $1 in [0-9]*) echo number;; *.txt|*.md) echo text;; ?) echo one;; *) echo other;; esac; }
for word in 5x a.txt z hello; do select_case "$word"; done
