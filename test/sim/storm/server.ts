/**
 * A server with so many places: whoever comes when all are taken waits in line, and is refused when the line is full. It
 * serves in turn also those who have left, since it cannot know: that work is lost, and it is what keeps an overload going
 * when nothing is wrong any more.
 */
export class Server<Waiting> {
  private readonly line: Waiting[] = [];
  private first = 0;
  private running = 0;

  constructor(
    private readonly places: number,
    private readonly longestLine: number,
  ) {}

  get waiting(): number {
    return this.line.length - this.first;
  }

  /** `begin`: it is being served. */
  take(one: Waiting): 'begin' | 'wait' | 'refused' {
    if (this.running < this.places) {
      this.running += 1;
      return 'begin';
    }
    if (this.waiting >= this.longestLine) return 'refused';
    this.line.push(one);
    return 'wait';
  }

  /** One is done; the next, whose turn it is, or null. */
  done(): Waiting | null {
    this.running -= 1;
    const next = this.line[this.first];
    if (next === undefined) return null;
    this.first += 1;
    this.running += 1;
    if (this.first > 1024 && 2 * this.first > this.line.length) {
      this.line.splice(0, this.first);
      this.first = 0;
    }
    return next;
  }
}
