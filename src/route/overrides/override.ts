import { createHmac, timingSafeEqual } from 'node:crypto';

/** What somebody wishes for requests that would go to one upstream: another one, or a subset. */
export interface Override {
  /** The upstream that requests would go to without it. */
  readonly of: string;
  readonly upstream: string;
  /** Null: as the upstream has it. */
  readonly subset: string | null;
  /** When it ends; whole seconds since 1970. */
  readonly expiresAtS: number;
}

/** As it came: whoever wrote it may have made it up. */
export interface Claim extends Override {
  /** Hex digits. */
  readonly signature: string;
}

/** In one field; a request with more is refused. */
const MAX_CLAIMS = 8;
export const MAX_TEXT = 2_048;
const NAME = '[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?';
const CLAIM = new RegExp(
  `^(?<upstream>${NAME})(?:/(?<subset>${NAME}))?(?:; ?of=(?<of>${NAME}))?; ?exp=(?<exp>[0-9]{1,12}); ?sig=(?<sig>[0-9a-f]{64})$`,
);

/**
 * Reads the value of the field: `orders/v2; exp=1767225600; sig=...`, or several of them with commas between. Null where
 * any of it is something else.
 */
export function parseClaims(text: string): readonly Claim[] | null {
  if (text.length > MAX_TEXT) return null;
  const parts = text.split(',');
  if (parts.length > MAX_CLAIMS) return null;
  const claims = parts.map((part) => claimOf(part.trim()));
  return claims.includes(null) ? null : (claims as Claim[]);
}

function claimOf(text: string): Claim | null {
  const match = CLAIM.exec(text);
  if (match === null) return null;
  const { upstream, subset, of, exp, sig } = match.groups as Record<'upstream' | 'exp' | 'sig', string> & {
    subset?: string;
    of?: string;
  };
  return { upstream, subset: subset ?? null, of: of ?? upstream, expiresAtS: Number(exp), signature: sig };
}

/** The value of the field for an override, signed. */
export function writeOverride(override: Override, key: string): string {
  const { of, upstream, subset, expiresAtS } = override;
  const whose = of === upstream ? '' : `; of=${of}`;
  const to = subset === null ? upstream : `${upstream}/${subset}`;
  return `${to}${whose}; exp=${expiresAtS}; sig=${signatureOf(override, key).toString('hex')}`;
}

/** Takes as long for a signature that is nearly right as for any other. */
export function isGenuine(claim: Claim, key: string): boolean {
  return timingSafeEqual(Buffer.from(claim.signature, 'hex'), signatureOf(claim, key));
}

/** Over every part, one a line, under a name of its own: nothing else that is signed with the key can be taken for it. */
function signatureOf({ of, upstream, subset, expiresAtS }: Override, key: string): Buffer {
  const text = ['remora-override', of, upstream, subset ?? '', String(expiresAtS)].join('\n');
  return createHmac('sha256', key).update(text).digest();
}
