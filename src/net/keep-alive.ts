const TIMEOUT = /(?:^|[,\s])timeout\s*=\s*"?(\d{1,6})/i;

/** The timeout in a `Keep-Alive` field (`timeout=5, max=100`) in ms; -1 when it names none. */
export function keepAliveMs(value: string): number {
  const seconds = TIMEOUT.exec(value)?.[1];
  return seconds === undefined ? -1 : Number(seconds) * 1000;
}
