balance = 100
while line = gets
  amount = line.to_i
  if amount > balance
    warn "not enough money: #{balance} left"
    exit 3
  end
  balance -= amount
  puts "paid #{amount}"
end
puts "done"
