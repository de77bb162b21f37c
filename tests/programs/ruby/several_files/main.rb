require_relative "lib/geometry"
require_relative "settings"
require "json"

include Geometry
[Circle.new(RADIUS), Square.new(4)].each { |shape| puts shape.describe }
puts File.read("notes/readme.txt")
puts File.readlines(File.join(__dir__, "notes/readme.txt")).size
puts JSON.parse(File.read("data.json"))["colour"]
puts DATA.read
puts __FILE__ == $PROGRAM_NAME
__END__
the data
