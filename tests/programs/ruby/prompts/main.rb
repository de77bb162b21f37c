print "What is your name? "
name = gets.chomp
print "How old are you? "
age = Integer(gets)
puts
puts "Hello, #{name}!", "Next year you will be #{age + 1}"
begin
  Integer($stdin.readline)
rescue EOFError => error
  puts error.message
end
