for row = 1, 2500 do
  print(row .. " " .. row * row .. " " .. ("-"):rep(row % 60))
end
