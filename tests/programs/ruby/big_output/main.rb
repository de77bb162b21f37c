1.upto(2500) { |row| puts "#{row} #{row * row} #{"-" * (row % 60)}" }
