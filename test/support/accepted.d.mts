/** See accepted.mjs. */
export function acceptedOf(
  fragments: readonly object[],
  main?: string,
): { readonly config: object; readonly refused: readonly string[] };

export function merged(under: object, over: object): object;
