def counter
  count = 0
  ->(by = 1) { count += by }
end
step = counter
step.call(5)
puts step.(), step[2]
def each_pair_sum(list)
  return to_enum(__method__, list) unless block_given?
  list.each_cons(2) { |a, b| yield a + b }
end
p each_pair_sum([1, 2, 3]).to_a
fib = Enumerator.new { |y| a, b = 0, 1; loop { y << a; a, b = b, a + b } }
p fib.lazy.select(&:even?).first(5), fib.take(10)
counts = "the cat sat on the mat the end".split.tally
p counts, counts.sort_by { |w, n| [-n, w] }.first(2).to_h, counts.max_by(&:last), counts.select { |_, n| n > 1 }
p (1..10).each_slice(4).to_a, [1, [2, [3]]].flatten, [3, 1].zip([4, 2]).transpose, [1, 2, 3, 4].partition(&:even?)
p (1..5).reduce(:*), [1, 2, 3].inject { |a, b| a - b }, %w[a b].each_with_index.to_h, [nil, 1, false].compact, [1, 1, 2].uniq
h = Hash.new { |hash, key| hash[key] = [] }
h[:a] << 1
h[:b]
p h, h.dig(:a, 0), { a: 1 }.merge({ b: 2 }) { |*| 0 }, { a: 1, b: 2 }.filter_map { |k, v| k if v > 1 }, h.key?(:c)
first, (second, *others), last = 1, [2, 3, 4], 5
p first, second, others, last, [*1..3, *"a".."c"]
puts [1, 2, 3].each_with_object([]) { |n, all| all << n * n }.inspect, (1.step(10, 3)).to_a.inspect, 3.times.map { _1 * 2 }.inspect
compose = method(:Integer) >> ->(n) { n * 2 } << ->(s) { s + "0" }
puts compose.call("4")
require "set"
puts Set[1, 2].superset?(Set[1]), (Set[1, 2] ^ Set[2, 3]).to_a.sort.inspect
matrix = [[1, 2], [3, 4]]
puts matrix.map { |row| row.map { |n| n.to_s.rjust(3) }.join }.join("\n"), matrix.transpose.inspect
