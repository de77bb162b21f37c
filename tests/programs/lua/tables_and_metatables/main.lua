local Animal = { count = 0 }
Animal.__index = Animal
Animal.__tostring = function(self) return "<" .. self.name .. ">" end
Animal.__eq = function(a, b) return a.name == b.name end
Animal.__lt = function(a, b) return a.name < b.name end
function Animal.new(name)
  Animal.count = Animal.count + 1
  return setmetatable({ name = name }, Animal)
end
function Animal:speak() return "..." end

local Dog = setmetatable({}, { __index = Animal })
Dog.__index, Dog.__tostring = Dog, Animal.__tostring
function Dog.new(name) return setmetatable(Animal.new(name), Dog) end
function Dog:speak() return "Woof" .. Animal.speak(self) end

local rex, cat = Dog.new("Rex"), Animal.new("Cat")
print(tostring(rex), rex:speak(), cat:speak(), Animal.count, cat < Animal.new("Dog"), cat == Animal.new("Cat"))
local vector = setmetatable({ 1, 2 }, {
  __add = function(a, b) return a[1] + b[1] end,
  __call = function(self, k) return self[1] * k end,
  __len = function() return 42 end,
  __index = function(_, key) return "no " .. key end,
  __newindex = function(t, key, value) rawset(t, key, value * 2) end,
  __concat = function() return "joined" end,
  __close = function() print("closed") end,
})
vector.z = 5
print(vector + vector, vector(10), #vector, vector.missing, vector.z, vector .. "x")
do local scoped <close> = vector; local fixed <const> = 1; print("inside", fixed) end
local list = { 1, 2, 3, nil, 5, n = 5 }
print(#{ 1, 2, 3 }, list.n, select("#", table.unpack(list, 1, list.n)), next({}), rawlen({ 1 }))
table.insert(list, 1, 0); table.remove(list, 2)
print(table.concat({ 1, "x", 2.5 }, "-"), list[1], list[2], table.concat(table.move({ 1, 2, 3 }, 2, 3, 1), ","))
local matrix = {}
for r = 1, 2 do matrix[r] = {}; for c = 1, 3 do matrix[r][c] = r * c end end
for c = 1, 3 do io.write(matrix[1][c], " ", matrix[2][c], "; ") end
print()
