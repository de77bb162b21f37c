const down = (n: number): number => (n ? down(n - 1) + 1 : 0);
if (down(200_000) === 200_000) console.log("well");
