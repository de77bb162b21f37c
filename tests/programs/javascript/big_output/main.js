const rows = [];
for (let row = 1; row <= 2500; row++) {
  const line = `${row} ${row * row} ${"-".repeat(row % 60)}`;
  if (row % 2) console.log(line);
  else process.stdout.write(line + "\n");
}
