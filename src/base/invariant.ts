/** A state that cannot be. Whoever owns the connection it happened on destroys that connection and counts it. */
export class Bug extends Error {
  override readonly name = 'Bug';
}

/** States a truth the code relies on; a lie is a `Bug`. */
export function invariant(truth: unknown, message: string): asserts truth {
  if (!truth) throw new Bug(message);
}
