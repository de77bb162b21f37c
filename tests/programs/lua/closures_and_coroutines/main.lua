local function counter()
  local count = 0
  return function(by) count = count + (by or 1); return count end
end
local step, other = counter(), counter()
step(5)
print(step(), other())
local function fibonacci()
  return coroutine.wrap(function()
    local a, b = 0, 1
    while true do coroutine.yield(a); a, b = b, a + b end
  end)
end
local next_number = fibonacci()
for _ = 1, 10 do io.write(next_number(), " ") end
print()
local worker = coroutine.create(function(a, b)
  local c = coroutine.yield(a + b)
  local d, e = coroutine.yield(c * 2)
  error("stopped " .. d + e)
end)
print(coroutine.resume(worker, 1, 2))
print(coroutine.resume(worker, 10))
print((select(2, coroutine.resume(worker, 3, 4)):gsub("^.*/", "")))
print(coroutine.status(worker), coroutine.isyieldable())
local function sum(...) local total = 0; for _, n in ipairs({ ... }) do total = total + n end; return total, select("#", ...) end
print(sum(1, 2, 3), (sum(4, 5)))
local function hanoi(n) if n == 0 then return 0 end; return 2 * hanoi(n - 1) + 1 end
local function loop(n, acc) if n == 0 then return acc end; return loop(n - 1, acc + n) end
print(hanoi(20), loop(1000000, 0))
print(pcall(function() local function forever() return 1 + forever() end; return forever() end) == false)
for i = 10, 1, -4 do io.write(i, " ") end
goto done
print("never")
::done::
local functions = {}
for i = 1, 3 do functions[i] = function() return i end end
print(functions[1](), functions[3](), load("return 6 * 7")(), load("syntax error here"))
