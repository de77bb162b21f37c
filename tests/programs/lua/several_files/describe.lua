return function(shape) return ("%8s: %.2f"):format(shape.name, shape.area) end
