local count = io.read("n", "l")
local students = {}
for i = 1, count do
  local name, mark, year = io.read("l"):match("^([^,]+),([^,]+),(%d+)$")
  students[i] = { name = name, mark = tonumber(mark), year = tonumber(year) }
end
table.sort(students, function(a, b)
  if a.mark ~= b.mark then return a.mark > b.mark end
  if a.year ~= b.year then return a.year < b.year end
  return a.name < b.name
end)
for place, s in ipairs(students) do
  print(string.format("%2d. %-8s%6.2f %d", place, s.name, s.mark, s.year))
end
local numbers = { 10, 9, 1, 100 }
table.sort(numbers)
print(table.concat(numbers, ","))
local keys = {}
for key in pairs { b = 1, a = 2, c = 3 } do keys[#keys + 1] = key end
table.sort(keys)
print(table.concat(keys, " "))
