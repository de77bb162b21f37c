class AccountError extends Error {
  constructor(amount, options) {
    super(`cannot take ${amount}`, options);
    this.name = "AccountError";
  }
}

function withdraw(amount) {
  if (amount === 0) throw new AccountError(amount, { cause: new RangeError("zero") });
  return Math.floor(100 / amount);
}

console.log(withdraw(7));
try {
  null.property;
} catch (error) {
  console.log(error instanceof TypeError, error.message);
} finally {
  console.log("finally");
}
console.log(withdraw(0));
