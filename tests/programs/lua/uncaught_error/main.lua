local function withdraw(amount)
  if amount == 0 then error("cannot take " .. amount) end
  if amount < 0 then error({ code = 7 }) end
  return 100 // amount
end

print(withdraw(7))
print(pcall(withdraw, 0) == false, (select(2, pcall(withdraw, 0)):gsub("^.*/", "")))
local ok, problem = pcall(withdraw, -1)
print(ok, type(problem), problem.code)
print(xpcall(function() local x = nil; return x.field end, function(message) return "handled: " .. message:match("attempt.*") end))
print(select(2, pcall(error, "plain", 0)), select("#", pcall(error)))
print(pcall(string.rep), tostring(nil), tonumber("0x10"), tonumber("abc"), tonumber("ff", 16))
withdraw(0)
