import { createHash, timingSafeEqual } from 'node:crypto';
import { open } from 'node:fs/promises';

/** More is no token but a mistake in the configuration. */
const MAX_TOKEN_BYTES = 4096;

export type TokenVerdict = 'accepted' | 'missing' | 'wrong';

/**
 * Holds `Authorization: Bearer <token>` against the token file, which is read anew each time so that a rotated token
 * works at once. Both sides are hashed before they are compared: the time it takes says nothing about content or
 * length. Rejects when the file cannot be read or has no token in it.
 */
export async function checkToken(tokenFile: string, authorization: string | undefined): Promise<TokenVerdict> {
  const wanted = await readToken(tokenFile);
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  if (given === undefined) return 'missing';
  return timingSafeEqual(digest(given), digest(wanted)) ? 'accepted' : 'wrong';
}

async function readToken(tokenFile: string): Promise<string> {
  const file = await open(tokenFile, 'r');
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(MAX_TOKEN_BYTES + 1) });
    if (bytesRead > MAX_TOKEN_BYTES) throw new Error(`${tokenFile} has more than ${MAX_TOKEN_BYTES} bytes`);
    const token = buffer.toString('utf8', 0, bytesRead).trim();
    if (token === '') throw new Error(`${tokenFile} is empty`);
    return token;
  } finally {
    await file.close();
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
