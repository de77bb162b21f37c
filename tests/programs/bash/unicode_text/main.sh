read -r text
echo "${#text} $(printf %s "$text" | wc -c) $(printf %s "$text" | wc -m)"
reversed=
for (( i = ${#text} - 1; i >= 0; i-- )); do reversed+=${text:i:1}; done
echo "$reversed"
echo "${text^^} ${text:0:5}"
read -r letters
for (( i = 0; i < ${#letters}; i++ )); do printf 'U+%04X\n' "'${letters:i:1}"; done
printf '\u00e9 \U0001F389 %q\n' 'a é'
[[ é =~ ^[[:alpha:]]$ ]] && echo letter
