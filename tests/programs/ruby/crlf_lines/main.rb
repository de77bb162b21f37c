rows = $stdin.each_line.map do |line|
  print line.size, " "
  line.chomp.split(";")
end
puts
p rows
puts "total #{rows.drop(1).sum { |_, amount| amount.to_i }}"
