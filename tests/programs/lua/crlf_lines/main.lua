local total, first = 0, true
for line in io.stdin:lines() do
  io.write(#line, " ")
  local name, amount = line:gsub("\r$", ""):match("(.-);(.*)")
  print("[" .. name .. "]", "[" .. amount .. "]")
  if not first then total = total + tonumber(amount) end
  first = false
end
print("total " .. total)
