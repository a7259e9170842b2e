import type { Lens } from '../cluster/lens.ts';
import type { Peer } from '../http/conduit.ts';
import type { Edits } from '../http/edits.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import type { Hold } from '../proxy/hold.ts';
import type { Placed, Placement } from '../proxy/placement.ts';
import { Anywhere } from './anywhere.ts';
import type { HashKey } from './hash-key.ts';
import { PathPattern } from './path-pattern.ts';

/** Which requests are reads. All others are writes, opaque connections among them. */
export interface ReadOptions {
  readonly methods: readonly string[];
  /** A field, in lower case, whose `true` makes a read and whose `false` a write of any request; null for none. */
  readonly header: string | null;
  /** Patterns of paths that are reads whatever the method. The path of a gRPC call is its service and method. */
  readonly paths: readonly string[];
}

/** RFC 9110, 9.2.1: methods that are safe by definition, and used. */
export const DEFAULT_READS: ReadOptions = { methods: ['GET', 'HEAD', 'OPTIONS'], header: null, paths: [] };

/** Reads and writes told apart. In doubt it is a write: a read on a primary costs a little, a write on a replica is lost. */
export class Reads {
  private readonly patterns: readonly PathPattern[];

  constructor(private readonly options: ReadOptions) {
    this.patterns = options.paths.map((path) => new PathPattern(path));
  }

  has(head: RequestHead): boolean {
    const { header, methods } = this.options;
    const said = header === null ? null : head.get(header);
    if (said === 'true') return true;
    if (said === 'false') return false;
    if (methods.includes(head.method)) return true;
    for (const pattern of this.patterns) if (pattern.matches(head.path)) return true;
    return false;
  }
}

/** The parts of a cluster that its roles make, and where writes wait for theirs. */
export interface RoleParts {
  readonly primary: Lens;
  /** Where reads go; null: everywhere. */
  readonly readers: Lens | null;
  readonly hold: Hold;
}

/**
 * Writes to the primary, reads to replicas or as is said. What only a primary can answer is held while there is none: all
 * writes, and the reads that may go nowhere else.
 */
export class ByRole implements Placement {
  private readonly anywhere: Anywhere;

  constructor(
    private readonly reads: Reads,
    private readonly parts: RoleParts,
    key: HashKey | null,
  ) {
    this.anywhere = new Anywhere(key);
  }

  place(head: RequestHead | null, peer: Peer, placed: Placed): null {
    const { primary, readers, hold } = this.parts;
    this.anywhere.place(head, peer, placed);
    placed.lens = head !== null && this.reads.has(head) ? readers : primary;
    if (placed.lens === primary) placed.hold = hold;
    return null;
  }

  mark(placed: Placed, answer: ResponseHead, edits: Edits): void {
    this.anywhere.mark(placed, answer, edits);
  }
}

/** All that comes goes to one role: a port of its own. */
export class AtRole implements Placement {
  private readonly anywhere: Anywhere;

  constructor(
    private readonly lens: Lens,
    /** Null: nothing waits. */
    private readonly hold: Hold | null,
    key: HashKey | null,
  ) {
    this.anywhere = new Anywhere(key);
  }

  place(head: RequestHead | null, peer: Peer, placed: Placed): null {
    this.anywhere.place(head, peer, placed);
    placed.lens = this.lens;
    placed.hold = this.hold;
    return null;
  }

  mark(placed: Placed, answer: ResponseHead, edits: Edits): void {
    this.anywhere.mark(placed, answer, edits);
  }
}
