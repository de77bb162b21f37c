print("before")
local x = = 3
