/** Waits until `look` neither throws nor answers false; the last complaint is the error when it never does. */
export async function eventually<T>(look: () => T | Promise<T>, withinMs = 25_000): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== false) return seen;
      if (performance.now() > until) throw new Error(`still false after ${withinMs} ms: ${look.toString()}`);
    } catch (error) {
      if (performance.now() > until) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
