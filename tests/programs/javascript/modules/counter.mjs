export let count = 0;
export const increment = () => { count += 1; };
export default (a, b) => a + b;
