import type { Random } from '../base/random.ts';
import type { Endpoint } from './endpoint.ts';
import type { PickContext } from './picker.ts';
import { WARM } from './slow-start.ts';
import { WeightedDraw } from './weighted-draw.ts';

/** With nine of ten endpoints at a tenth of their weight, so many draws find nobody once in thirty times. */
const DRAWS = 16;

/**
 * Draws endpoints in proportion to weight, those in slow start to the part of it that they have. The draw itself knows
 * only weights that stand still; one that is drawn and not warm yet is kept with the chance that it is warm, and else
 * drawn again. When everybody is cold the last draw stands: it is as good as any.
 */
export class EndpointDraw {
  private readonly chance: WeightedDraw;

  constructor(
    private readonly endpoints: readonly Endpoint[],
    private readonly random: Random,
  ) {
    this.chance = new WeightedDraw(
      endpoints.map(({ spec }) => spec.weight),
      random,
    );
  }

  /** All weights are equal, but for slow start. */
  get isUniform(): boolean {
    return this.chance.isUniform;
  }

  /** An index. Only when there is at least one endpoint. */
  draw(context: PickContext): number {
    let index = this.chance.draw();
    for (let i = 1; i < DRAWS && !this.keeps(index, context); i++) index = this.chance.draw();
    return index;
  }

  /** Any other index; only when all weights are equal. Drawing until it differs would be unbounded. */
  drawOther(first: number, context: PickContext): number {
    let index = this.step(first);
    for (let i = 1; i < DRAWS && !this.keeps(index, context); i++) index = this.step(first);
    return index;
  }

  /** One of the n - 1 others, stepping over the first. */
  private step(first: number): number {
    const index = this.random.below(this.endpoints.length - 1);
    return index < first ? index : index + 1;
  }

  private keeps(index: number, context: PickContext): boolean {
    const warmth = this.endpoints[index]!.warmthAt(context);
    return warmth === WARM || this.random.below(WARM) < warmth;
  }
}
