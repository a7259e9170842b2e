import type { Finder } from '../../src/route/table/regex.ts';

/** By JavaScript's own patterns, with the flag `g`, where a test is not about the engine. */
export function finderOf(pattern: RegExp): Finder {
  return {
    find: (text, from) => {
      pattern.lastIndex = from;
      const match = pattern.exec(text);
      if (match === null) return null;
      const spans = [match.index, match.index + match[0].length];
      for (const group of match.slice(1)) {
        const start = group === undefined ? -1 : text.indexOf(group, match.index);
        spans.push(start, start + (group ?? '').length);
      }
      return spans;
    },
  };
}
