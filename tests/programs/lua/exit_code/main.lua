local balance = 100
for line in io.lines() do
  local amount = tonumber(line)
  if amount > balance then
    io.stderr:write("not enough money: ", balance, " left\n")
    os.exit(3)
  end
  balance = balance - amount
  print("paid " .. amount)
end
print("done")
