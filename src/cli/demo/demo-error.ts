/** The demo cannot go on, for a reason that one sentence tells. */
export class DemoError extends Error {
  override readonly name = 'DemoError';
}

/** Somebody pressed Ctrl-C, or the reader of our output went away. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}
