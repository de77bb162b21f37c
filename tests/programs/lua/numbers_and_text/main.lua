print(7 // 2, -7 // 2, 7 / 2, 8 / 2, -7 % 3, 7.5 // 2, 2 ^ 10, 1e15, 1e100, 0.1 + 0.2, 100.0, 3 | 4, 5 ~ 1, ~0, 1 << 62, 1 // 0.0, -1 // 0.0)
print(math.maxinteger, math.maxinteger + 1 == math.mininteger, math.type(1), math.type(1.0), math.type("1"), 1 == 1.0, math.tointeger(3.0), "10" + 5, "3" * "4", 10 .. 20)
print(pcall(function() return 1 // 0 end), math.floor(-1.5), math.ceil(-1.5), math.fmod(-7, 3), math.huge, -math.huge, math.ult(1, -1), string.format("%.3f", math.sqrt(2)))
print(string.format("%5d|%-5s|%05d|%x|%5.1f|%q|%s|%%|%g|%a|%c|%i", 42, "ab", 42, 255, 3.14159, "a\n\"b\"", nil, 1e20, 0.5, 65, 3.0))
print(("hello world"):gsub("o", "0"), ("hello"):sub(2, -2), ("hello"):find("l"), ("a.b"):find(".", 1, true), ("abc"):byte(1, -1), ("abc"):rep(2, "-"), ("abc"):reverse(), #"abc")
for key, value in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do io.write(key, ":", value, " ") end
print(("2024-02-29"):match("(%d+)-(%d+)-(%d+)"))
print((("3 apples, 12 pears"):gsub("%d+", function(n) return n * 2 end)), (("$name is $age"):gsub("%$(%w+)", { name = "Ann", age = 5 })), ("  trim "):match("^%s*(.-)%s*$") .. "|", ("f(a(b)c)"):match("%b()"), ("THE (quick) fox"):find("%((%a+)%)"))
print(os.date("!%Y-%m-%d %H:%M:%S", 1700000000), os.date("%H:%M", 0), os.time({ year = 2024, month = 2, day = 30, hour = 0 }), os.date("!*t", 0).year, type(os.clock()), os.getenv("NOPE"))
print(string.pack("<i4", 258):byte(1, -1), string.unpack(">I2", "\1\2"))
print([[long
string]], [==[with ]] inside]==], "tab\tand \65\x42\z
      joined", '\'', "\u{e9}")
