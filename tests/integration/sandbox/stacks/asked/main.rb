def down(n) = n == 0 ? 0 : down(n - 1) + 1

begin
  down(100_000)
  puts "well"
rescue SystemStackError
  puts "too deep"
end
