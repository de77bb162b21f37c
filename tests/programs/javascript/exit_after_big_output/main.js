process.stdout.write("x".repeat(150000) + "\n");
console.error("y".repeat(100000));
process.exit(0);
