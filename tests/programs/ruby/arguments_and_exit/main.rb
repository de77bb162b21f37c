require "optparse"

puts ARGV.size, ARGV.inspect, File.basename($0)
options = {}
OptionParser.new do |parser|
  parser.on("--times N", Integer) { |n| options[:times] = n }
  parser.on("-v") { options[:verbose] = true }
end.parse!
p options, ARGV, ENV["COLOUR"], ENV.fetch("NOPE", "unset")
$stderr.puts "warning"
at_exit { puts "goodbye" }
print "no newline "
abort "fatal: stopped on purpose"
