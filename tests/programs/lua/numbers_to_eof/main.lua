local numbers, sum = {}, 0
while true do
  local n = io.read("n")
  if not n then break end
  numbers[#numbers + 1] = n
  sum = sum + n
end
print(#numbers, sum, math.min(table.unpack(numbers)), math.max(table.unpack(numbers)))
print(string.format("mean %.3f", sum / #numbers))
