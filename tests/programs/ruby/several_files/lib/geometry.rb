require_relative "geometry/shape"

module Geometry
  class Circle < Shape
    def initialize(radius) = @radius = radius
    def area = Math::PI * @radius**2
  end

  Square = Struct.new(:side) do
    include Describable
    def area = side**2
  end
end
