import type { Random } from '../base/random.ts';
import type { HashKey } from './hash-key.ts';
import { KeyChain } from './keys/chain.ts';
import { CookieKey } from './keys/cookie.ts';
import { HeaderKey } from './keys/header.ts';
import type { KeyOptions, KeySource } from './keys/options.ts';
import { PatternText } from './keys/pattern.ts';
import { SourceKey } from './keys/source.ts';
import { QueryText, SegmentText, TargetKey } from './keys/target.ts';

/** The key that a configuration means; one that stands alone needs no chain. */
export function makeHashKey(options: readonly KeyOptions[], random: Random): HashKey {
  const links = options.map((source) => ({ key: makeKey(source, random), terminal: source.terminal }));
  return links.length === 1 ? links[0]!.key : new KeyChain(links);
}

function makeKey(source: KeySource, random: Random): HashKey {
  switch (source.kind) {
    case 'header':
      return new HeaderKey(source.name);
    case 'cookie':
      return new CookieKey(source.name, source.made, random);
    case 'query':
      return new TargetKey(new QueryText(source.name));
    case 'source':
      return new SourceKey();
    case 'segment':
      return new TargetKey(new SegmentText(source.number));
    case 'pattern':
      return new TargetKey(new PatternText(source.pattern));
  }
}
