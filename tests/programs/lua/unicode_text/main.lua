local text = io.read()
print(#text, utf8.len(text))
local letters = {}
for _, code in utf8.codes(text) do table.insert(letters, 1, utf8.char(code)) end
print(table.concat(letters))
for _, code in utf8.codes(io.read()) do print(string.format("U+%04X", code)) end
print(text:upper(), utf8.len("\xff"), utf8.codepoint("é"), "\u{1F389}", utf8.offset("aé", 3))
for letter in ("né"):gmatch(utf8.charpattern) do io.write("[", letter, "]") end
print()
