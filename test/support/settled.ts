/** Lets every promise that can go on now go on, without any time passing on a manual clock. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
