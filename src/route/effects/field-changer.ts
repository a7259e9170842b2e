import type { Edits } from '../../http/edits.ts';
import type { RouteFacts } from '../../proxy/route-effects.ts';
import type { FieldChanges } from '../table/options.ts';
import { FieldText, type Known } from './variables.ts';

interface Line {
  readonly name: string;
  readonly text: FieldText;
}

/** What an answer of our own says of its own body stays as it is. */
const OF_BODY: ReadonlySet<string> = new Set([
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-location',
  'content-range',
  'content-type',
]);

/**
 * What one part of the configuration (a route, or the target of a share) changes of fields: removes, then sets, then
 * adds, each in the order in which it is written. A value that comes out empty is none: the field is not there.
 */
export class FieldChanger {
  private readonly removed: readonly string[];
  private readonly set: readonly Line[];
  private readonly added: readonly Line[];

  constructor({ set, add, remove }: FieldChanges, known: Known) {
    this.removed = remove;
    this.set = set.map(([name, text]) => ({ name, text: new FieldText(text, known) }));
    this.added = add.map(([name, text]) => ({ name, text: new FieldText(text, known) }));
  }

  get isEmpty(): boolean {
    return this.removed.length + this.set.length + this.added.length === 0;
  }

  /** What the sidecar itself has put in is among what is changed. */
  editRequest(facts: RouteFacts, edits: Edits): void {
    const { removed, set, added } = this;
    for (let at = 0; at < removed.length; at++) edits.drop(removed[at]!);
    for (let at = 0; at < set.length; at++) put(set[at]!, facts, edits, true);
    for (let at = 0; at < added.length; at++) put(added[at]!, facts, edits, false);
  }

  /** What the sidecar says in an answer (a cookie of a sticky session, a rate limit) is not removed, but may be set. */
  editAnswer(facts: RouteFacts, edits: Edits, isOwn: boolean): void {
    const { removed, set, added } = this;
    for (let at = 0; at < removed.length; at++) {
      if (!(isOwn && OF_BODY.has(removed[at]!))) edits.remove(removed[at]!);
    }
    for (let at = 0; at < set.length; at++) {
      if (!(isOwn && OF_BODY.has(set[at]!.name))) put(set[at]!, facts, edits, true);
    }
    for (let at = 0; at < added.length; at++) {
      if (!(isOwn && OF_BODY.has(added[at]!.name))) put(added[at]!, facts, edits, false);
    }
  }
}

function put({ name, text }: Line, facts: RouteFacts, edits: Edits, isOnly: boolean): void {
  if (isOnly) edits.drop(name);
  const value = text.of(facts);
  if (value !== '') edits.append(name, value);
}
