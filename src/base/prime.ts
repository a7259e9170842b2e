/** By trial division: meant for numbers up to some millions. */
export function isPrime(n: number): boolean {
  if (n < 4) return n > 1;
  if (n % 2 === 0) return false;
  for (let divisor = 3; divisor * divisor <= n; divisor += 2) {
    if (n % divisor === 0) return false;
  }
  return true;
}

/** The least prime that is not below n. */
export function primeFrom(n: number): number {
  let prime = Math.max(2, Math.ceil(n));
  while (!isPrime(prime)) prime++;
  return prime;
}
