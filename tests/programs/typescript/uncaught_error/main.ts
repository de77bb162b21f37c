class AccountError extends Error {
  constructor(readonly amount: number) {
    super(`cannot take ${amount}`);
    this.name = "AccountError";
  }
}

function withdraw(amount: number): number {
  if (amount === 0) throw new AccountError(amount);
  return Math.floor(100 / amount);
}

console.log(withdraw(7));
try {
  withdraw(0);
} catch (error: unknown) {
  if (error instanceof AccountError) console.log("caught", error.amount, error.message);
}
console.log(withdraw(0));
