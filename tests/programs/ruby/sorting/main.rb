Student = Struct.new(:name, :mark, :year)
students = Array.new(gets.to_i) do
  name, mark, year = gets.chomp.split(",")
  Student.new(name, mark.to_f, year.to_i)
end
students.sort_by { |s| [-s.mark, s.year, s.name] }.each.with_index(1) do |s, place|
  puts format("%2d. %-8s%6.2f %d", place, s.name, s.mark, s.year)
end
p [10, 9, 1, 100].sort, %w[b A c].sort, [3, 1, 2].sort { |a, b| b <=> a }, students.max_by(&:year).name
p [3, 1, 2].minmax, (1..10).bsearch { |n| n * n >= 50 }, %w[pear fig apple].group_by(&:size)
