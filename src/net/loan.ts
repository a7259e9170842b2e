import { Slab } from './slab.ts';

/** Reads from this size on are lent: smaller ones cost more to give back than to leave. */
export const LOAN_BYTES = 16_384;

/**
 * The memory of one read for which Node allocated: given back when the reader is done with it and no write of it is
 * pending any more.
 *
 * Left to the collector it would stay for some time after every rush, 32 MiB and more where the machine is busy. Bytes
 * are lent for a call (see `transport.ts`), so nobody can have kept any.
 */
export class Loan extends Slab {
  /** Held by the reader, who releases it. */
  constructor(bytes: Buffer) {
    super(bytes);
    this.hold();
  }

  override release(): void {
    super.release();
    const { buffer } = this.bytes;
    // A transfer to nothing frees at once. Other views would lose their bytes with it, so only memory of this read
    // alone.
    if (!this.isHeld && buffer instanceof ArrayBuffer && buffer.byteLength === this.bytes.length) buffer.transfer(0);
  }
}
