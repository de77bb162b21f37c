slow() { sleep "0.0$1"; echo "$1" >> finished.txt; return "$1"; }
pids=()
for n in 1 2 3; do slow $n & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid"; echo "ended with $?"; done
sort finished.txt
sleep 60 & victim=$!
kill $victim; wait $victim 2>/dev/null; echo "killed: $?"
coproc UP { while read -r line; do echo "${line^^}"; done; }
echo "through a coprocess" >&"${UP[1]}"; read -r answer <&"${UP[0]}"; echo "$answer"
exec {UP[1]}>&-
trap 'echo "got a signal"' USR1; kill -USR1 $$
timeout 0.05 sleep 60; echo "timeout: $?"
mkfifo pipe; (echo "from a fifo" > pipe) & cat pipe; wait
