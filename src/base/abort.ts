/** Ends what lives as long as a signal: at once, where that has been given already. */
export function whenAborted(signal: AbortSignal, end: () => void): void {
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
}
