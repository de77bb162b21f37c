def down(n) = down(n + 1)

begin
  down(0)
rescue SystemStackError
  puts "well"
end
