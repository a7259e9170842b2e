/** Lets a test wait for what events bring about, without polling: whoever hears an event calls `happened`. */
export class Happenings {
  private waiting: (() => void)[] = [];

  happened(): void {
    for (const look of [...this.waiting]) look();
  }

  /** Resolves when `look` is true, now or behind a later event. `describe` says what there is when it never is. */
  until(look: () => boolean, describe: () => string, withinMs = 8_000): Promise<void> {
    if (look()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const again = (): void => {
        if (look()) over(resolve);
      };
      const over = (end: () => void): void => {
        clearTimeout(timer);
        this.waiting = this.waiting.filter((one) => one !== again);
        end();
      };
      const timer = setTimeout(
        () => over(() => reject(new Error(`not within ${withinMs} ms: ${describe()}`))),
        withinMs,
      );
      this.waiting.push(again);
    });
  }
}
