for line in io.lines("/dev/stdin", "L") do io.write("<", line, ">") end
io.write("no end")
