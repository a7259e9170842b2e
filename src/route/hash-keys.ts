import type { Random } from '../base/random.ts';
import type { HashKey } from './hash-key.ts';
import { KeyChain } from './keys/chain.ts';
import { CookieText, MadeCookieKey } from './keys/cookie.ts';
import { FirstText } from './keys/first.ts';
import { HeaderKey, HeaderText } from './keys/header.ts';
import type { KeyOptions, KeySource } from './keys/options.ts';
import { PatternText } from './keys/pattern.ts';
import { SourceText } from './keys/source.ts';
import { QueryText, SegmentText } from './keys/target.ts';
import { type KeyText, TextKey } from './keys/text.ts';

/** The key that a configuration means; one that stands alone needs no chain. */
export function makeHashKey(options: readonly KeyOptions[], random: Random): HashKey {
  const links = options.map((source) => ({ key: makeKey(source, random), terminal: source.terminal }));
  return links.length === 1 ? links[0]!.key : new KeyChain(links);
}

function makeKey(source: KeySource, random: Random): HashKey {
  if (source.kind === 'header') return new HeaderKey(source.name);
  if (source.kind === 'cookie' && source.made !== null) return new MadeCookieKey(source.name, source.made, random);
  return new TextKey(makeKeyText(source));
}

/** The text of the first of these that a request has. */
export function makeFirstText(sources: readonly KeySource[]): KeyText {
  const texts = sources.map(makeKeyText);
  return texts.length === 1 ? texts[0]! : new FirstText(texts);
}

/** What is read for a key, for who wants the text and not its hash. */
export function makeKeyText(source: KeySource): KeyText {
  switch (source.kind) {
    case 'header':
      return new HeaderText(source.name);
    case 'cookie':
      return new CookieText(source.name);
    case 'query':
      return new QueryText(source.name);
    case 'source':
      return new SourceText();
    case 'segment':
      return new SegmentText(source.number);
    case 'pattern':
      return new PatternText(source.pattern);
  }
}
