local M = {}
function M.circle(radius) return { name = "circle", area = math.pi * radius ^ 2 } end
function M.square(side) return { name = "square", area = side ^ 2 } end
return M
