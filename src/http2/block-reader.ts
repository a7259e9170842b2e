import { Carry } from '../http1/carry.ts';
import { ENHANCE_YOUR_CALM, PROTOCOL_ERROR } from './errors.ts';
import { PRIORITY_BYTES } from './frame-rules.ts';
import { END_HEADERS, END_STREAM, HAS_PRIORITY, PADDED, readUint31 } from './frames.ts';
import type { Loss } from './loss.ts';

/** A block of the largest list we take fits in fewer frames. */
const MAX_FRAGMENTS = 9;

/**
 * A block may be longer on the wire than its list by this much: table sizes, and codes longer than what they stand for.
 */
const SLACK_BYTES = 1_024;

export interface BlockOwner {
  /** A whole block. `isSelf`: it makes its stream depend on itself, for which RFC 7540 asked an error. */
  onBlock(id: number, isEnd: boolean, isSelf: boolean, bytes: Buffer, from: number, to: number): void;
  fail(code: number, reason: string, loss: Loss): void;
}

/**
 * HEADERS and CONTINUATION to whole blocks. One frame is a block where it lies. More are put together, one block at a
 * time since nothing else may come meanwhile (RFC 9113, 6.10), and that is bounded twice: in bytes, and in frames,
 * which may be empty (CVE-2024-27983).
 */
export class BlockReader {
  /** The stream whose block is incomplete; 0: none. */
  streamId = 0;
  private isEnd = false;
  private isSelf = false;
  private fragments = 0;
  private readonly carry = new Carry();

  constructor(
    private readonly maxListBytes: number,
    private readonly owner: BlockOwner,
  ) {}

  /** The frame is without fault. */
  onHeaders(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const isPadded = (flags & PADDED) !== 0;
    const hasPriority = (flags & HAS_PRIORITY) !== 0;
    const to = isPadded ? end - bytes[start]! : end;
    let from = isPadded ? start + 1 : start;
    const isSelf = hasPriority && readUint31(bytes, from) === id;
    if (hasPriority) from += PRIORITY_BYTES;
    const isEnd = (flags & END_STREAM) !== 0;
    if ((flags & END_HEADERS) !== 0) return this.owner.onBlock(id, isEnd, isSelf, bytes, from, to);
    this.streamId = id;
    this.isEnd = isEnd;
    this.isSelf = isSelf;
    this.fragments = 0;
    this.add(bytes.subarray(from, to));
  }

  onContinuation(flags: number, fragment: Buffer): void {
    const { streamId, carry } = this;
    if (streamId === 0) return this.owner.fail(PROTOCOL_ERROR, 'CONTINUATION of nothing', 'broken');
    if (!this.add(fragment) || (flags & END_HEADERS) === 0) return;
    const block = carry.view();
    carry.clear();
    this.streamId = 0;
    this.owner.onBlock(streamId, this.isEnd, this.isSelf, block, 0, block.length);
  }

  private add(fragment: Buffer): boolean {
    const { carry } = this;
    if (++this.fragments > MAX_FRAGMENTS || carry.size + fragment.length > this.maxListBytes + SLACK_BYTES) {
      carry.clear();
      this.owner.fail(ENHANCE_YOUR_CALM, 'a header block without end', 'abused');
      return false;
    }
    if (fragment.length > 0) carry.append(fragment);
    return true;
  }
}
