class AccountError < StandardError
  def initialize(amount)
    super("cannot take #{amount}")
  end
end

def withdraw(amount)
  100 / amount
rescue ZeroDivisionError
  raise AccountError.new(amount)
ensure
  puts "ensure"
end

puts withdraw(7)
begin
  nil.upcase
rescue NoMethodError => error
  puts error.class
else
  puts "never"
end
at_exit { puts "at exit" }
tries = 0
begin
  tries += 1
  raise ArgumentError, "try #{tries}" if tries < 3
rescue ArgumentError
  retry
end
puts tries, catch(:done) { 10.times { |n| throw :done, n if n == 4 } }
withdraw(0)
