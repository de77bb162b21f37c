source lib/shapes.sh
. ./settings.sh

for side in $sides; do echo "$side -> $(square "$side")"; done
cat notes/readme.txt
bash lib/other.sh one "two words"
echo "${BASH_SOURCE[0]##*/} ${0##*/}"
cd "$(dirname "${BASH_SOURCE[0]}")" && ls lib
