class Animal
  include Comparable
  attr_accessor :name, :age
  @@count = 0
  SOUNDS = { dog: "Woof" }.freeze

  def self.count = @@count

  def initialize(name, age: 1)
    @name, @age = name, age
    @@count += 1
  end

  def <=>(other) = age <=> other.age
  def to_s = "#{self.class} #{name}"
  def speak = raise(NotImplementedError)
  def method_missing(name, *args) = name.end_with?("?") ? args.size : super
  def respond_to_missing?(name, all = false) = name.end_with?("?") || super
end

class Dog < Animal
  def speak(*words, loud: false, &block)
    text = ([SOUNDS[:dog]] + words).join(" ")
    text = block.call(text) if block
    loud ? text.upcase : text
  end
  protected def secret = 42
end

module Shouting
  def speak(...) = super.upcase + "!"
end

rex, bit = Dog.new("Rex", age: 5), Dog.new("Bit")
bit.extend(Shouting)
puts rex, rex.speak("you", loud: true), bit.speak { |t| t * 2 }, rex > bit, [rex, bit].min, Animal.count
puts rex.happy?(1, 2), Dog.ancestors.first(3).inspect, Dog.instance_methods(false).sort.inspect
begin
  rex.secret
rescue NoMethodError => error
  puts error.message[0, 23]
end
class Integer
  def double = self * 2
end
puts 21.double, 5.clamp(1, 3), 10.digits.inspect
case [1, { name: "Ann", tags: ["x", "y"] }]
in [Integer => n, { name: String => who, tags: [first, *] }] if n > 0
  puts "#{who} #{first}"
end
point = Struct.new(:x, :y, keyword_init: true).new(x: 1, y: 2)
p point.to_h, point.frozen?, :sym.to_proc.call("x") rescue p $!.class
puts ObjectSpace.respond_to?(:each_object), defined?(foo).inspect, __method__.inspect
