const down = (n) => down(n + 1) + 1;
try {
    down(0);
} catch (error) {
    if (error instanceof RangeError) console.log("well");
}
