import type { Lens } from '../cluster/lens.ts';
import type { Peer } from '../http/conduit.ts';
import type { Edits } from '../http/edits.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import type { Hold } from '../proxy/hold.ts';
import type { Placed, Placement } from '../proxy/placement.ts';
import { Anywhere } from './anywhere.ts';
import type { HashKey } from './hash-key.ts';
import { PathPattern } from './path-pattern.ts';
import type { ReadYourWrites } from './read-your-writes.ts';

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

/**
 * Reads and writes told apart. In doubt it is a write: a read on a primary costs a little, a write on a replica is
 * lost.
 */
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
  /** Where reads go. */
  readonly readers: Lens;
  /** Replicas, or where they have not what a client wrote, the primary. */
  readonly replica: Lens;
  readonly hold: Hold;
}

/**
 * Writes to the primary, reads to replicas or as is said. What only a primary can answer is held while there is none:
 * all writes, and the reads that may go nowhere else.
 */
export class ByRole implements Placement {
  private readonly anywhere: Anywhere;

  constructor(
    private readonly reads: Reads,
    private readonly parts: RoleParts,
    key: HashKey | null,
    /** Null: nobody asks for it. */
    private readonly readYourWrites: ReadYourWrites | null,
  ) {
    this.anywhere = new Anywhere(key);
  }

  place(head: RequestHead | null, peer: Peer, placed: Placed): null {
    const { primary, hold } = this.parts;
    this.anywhere.place(head, peer, placed);
    if (head === null) placed.lens = primary;
    else if (this.reads.has(head)) placed.lens = this.readersOf(head, peer, placed);
    else this.placeWrite(placed);
    if (placed.lens === primary) placed.hold = hold;
    return null;
  }

  mark(placed: Placed, answer: ResponseHead, edits: Edits): void {
    this.anywhere.mark(placed, answer, edits);
    if (placed.isWrite && this.readYourWrites !== null) this.readYourWrites.mark(placed, answer, edits);
  }

  private readersOf(head: RequestHead, peer: Peer, placed: Placed): Lens {
    const { primary, readers, replica } = this.parts;
    const wanted = this.readYourWrites === null ? 0 : this.readYourWrites.wanted(head, peer);
    if (wanted === 0) return readers;
    placed.minPosition = wanted;
    return wanted === Number.POSITIVE_INFINITY ? primary : replica;
  }

  private placeWrite(placed: Placed): void {
    placed.lens = this.parts.primary;
    if (this.readYourWrites === null) return;
    placed.isWrite = true;
    placed.isMarked = true;
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
