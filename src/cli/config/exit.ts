/** What the commands that change the configuration of a mesh end with, for scripts. */
export const EXIT = {
  done: 0,
  /** The document, the file, the arguments or the token are no good. Nothing was written. */
  invalid: 1,
  /** Somebody else has changed the layer. Nothing was written. */
  conflict: 2,
  /** It is written, and sidecars refused it or did not answer in time. */
  refused: 3,
  /** Consul could not be asked, or not for long enough to learn what became of the write. */
  unknown: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_WORDS = `
Exit code 0: done; 1: the document, the arguments or the token are no good, nothing was written; 2: somebody else has changed the layer, nothing was
written; 3: written, and sidecars refused it or did not answer in time; 4: Consul could not be asked, or it is not known what became of it.
`;
