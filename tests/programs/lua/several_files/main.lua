local shapes = require("geometry.shapes")
local settings = require "settings"
local describe = dofile("describe.lua")

for _, shape in ipairs { shapes.circle(settings.radius), shapes.square(4) } do
  print(describe(shape))
end
for line in io.lines("notes/readme.txt") do print(line) end
print(package.loaded.settings == settings, pcall(require, "missing_module") == false)
