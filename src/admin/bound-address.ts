/** Where a port of admin in fact listens. */
export interface BoundAddress {
  readonly address: string;
  /** The one in use, also where 0 was asked for. */
  readonly port: number;
}

/** `127.0.0.1:80`, `[::1]:80`. */
export function hostPort({ address, port }: BoundAddress): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}
