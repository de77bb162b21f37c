module Geometry
  module Describable
    def describe = format("%8s: %.2f", self.class.name.split("::").last, area)
  end

  class Shape
    include Describable
  end
end
