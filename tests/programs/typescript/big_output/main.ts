for (let row = 1; row <= 2500; row++) {
  const line: string = `${row} ${row * row} ${"-".repeat(row % 60)}`;
  console.log(line);
}
