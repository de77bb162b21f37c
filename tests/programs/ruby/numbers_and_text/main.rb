require "bigdecimal"
require "date"
require "time"
require "json"

puts (1..30).inject(:*), 2**200, 3.pow(10**18, 1_000_000_007), -7 / 2, -7 % 2, 7.fdiv(2), -7.remainder(2)
puts 0.1 + 0.2, 1e20, 1e15, 1e16, 1.0 / 3, 100.0, 1 / 0.0, 2.5.round, 3.5.round, (-2.5).round, 2.675.round(2), 1234567.891.floor(-2)
puts BigDecimal("0.1") + BigDecimal("0.2"), 3.to_r / 4 + 1/5r, Complex(1, -2) * 1i, 255.to_s(16), "ff".to_i(16), 10.to_s(2)
puts format("%05d|%-6s|%6.2f|%x|%08b|%e|%+d|%%|%s|%p", 42, "ab", 3.14159, 255, 5, 12345.678, 7, :sym, nil)
puts "hello world".capitalize.center(21, "*"), "a-b_c".tr("-_", "  "), "hello"[1..3], "hello"[-3..], "ab" * 2, "b".ord, "abc".succ, "az".next
puts "3 apples, 12 pears".gsub(/\d+/) { |n| (n.to_i * 2).to_s }, "2024-02-29"[/(\d+)-(\d+)/, 2], "John Smith".sub(/(?<a>\w+) (?<b>\w+)/, '\k<b> \k<a>')
if "key=value" =~ /(\w+)=(\w+)/
  puts $1, $~[2], $`.empty?
end
puts <<~TEXT
  indented
    more #{1 + 1}
TEXT
puts Date.new(2024, 2, 28) + 2, (Date.new(2025) - Date.new(2024)).to_i, Date.valid_date?(2023, 2, 29), Date.parse("2024-05-06").strftime("%a %d %b")
ENV["TZ"] = "America/New_York"
puts Time.at(1_700_000_000).utc.iso8601, Time.at(0).localtime("+09:00"), Time.at(1_700_000_000).localtime.zone
puts JSON.generate({ b: [1, 2.5, nil, true], "é" => "\n\"" }), JSON.pretty_generate({ a: { b: [] } }), JSON.parse('{"k": [1, "\ud83c\udf89"]}', symbolize_names: true)
begin
  JSON.parse("{'single': 1}")
rescue JSON::ParserError => error
  puts error.class
end
