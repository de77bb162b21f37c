lines = STDIN.readlines(chomp: true)
p lines
print "last: #{lines.last} #{gets.inspect}"
