import { createHash } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SeenRequest } from './origin-app.ts';
import { Scene } from './scene.ts';

const MIB = 1_048_576;
const SIZE = 64 * MIB;
const BLOCK = 100_003;

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.start(['a']);
});

afterAll(() => scene.close());

const ENTRIES = ['orders', 'inbound'] as const;

function* body(): Generator<Buffer> {
  for (let at = 0; at < SIZE; at += BLOCK) yield Buffer.alloc(Math.min(BLOCK, SIZE - at), `${at} sent `);
}

const bodyDigest = (() => {
  const digest = createHash('sha256');
  for (const block of body()) digest.update(block);
  return digest.digest('hex');
})();

interface Answer {
  readonly head: IncomingMessage;
  readonly bytes: number;
  readonly digest: string;
}

async function download(entry: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const head = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ host: '127.0.0.1', port: scene.sidecar.port(entry), path, headers }, resolve)
      .on('error', reject)
      .end();
  });
  const digest = createHash('sha256');
  let bytes = 0;
  for await (const piece of head as AsyncIterable<Buffer>) {
    bytes += piece.length;
    digest.update(piece);
  }
  return { head, bytes, digest: digest.digest('hex') };
}

async function upload(entry: string, path: string, headers: Record<string, string | number>): Promise<IncomingMessage> {
  const sent = request({ host: '127.0.0.1', port: scene.sidecar.port(entry), path, method: 'POST', headers });
  if ('trailer' in headers) sent.addTrailers({ 'x-digest': bodyDigest });
  const answer = new Promise<IncomingMessage>((resolve, reject) => sent.on('response', resolve).on('error', reject));
  await Promise.all([pipeline(Readable.from(body(), { objectMode: false }), sent), answer]);
  return answer;
}

describe.each(ENTRIES)('64 MiB through %s', (entry) => {
  it('come down as they were sent, by length', async () => {
    const { head, bytes, digest } = await download(entry, `/?bytes=${SIZE}`);
    expect([bytes, digest]).toEqual([SIZE, head.headers['x-digest']]);
    expect(head.headers['content-length']).toBe(String(SIZE));
  });

  it('come down as they were sent, in chunks, with trailers for a client that takes them', async () => {
    const { head, bytes, digest } = await download(entry, `/?bytes=${SIZE}&chunked`, { te: 'trailers' });
    expect([bytes, digest]).toEqual([SIZE, head.trailers['x-digest']]);
  });

  it('go up as they were sent, by length', async () => {
    const answer = await upload(entry, '/', { 'content-length': SIZE });
    const seen = (await json(answer)) as SeenRequest;
    expect([seen.bytes, seen.digest]).toEqual([SIZE, bodyDigest]);
  });

  it('go up as they were sent, in chunks, with their trailers', async () => {
    const answer = await upload(entry, '/', { 'transfer-encoding': 'chunked', trailer: 'x-digest' });
    const seen = (await json(answer)) as SeenRequest;
    expect([seen.bytes, seen.digest]).toEqual([SIZE, bodyDigest]);
    expect(seen.trailers).toEqual({ 'x-digest': bodyDigest });
  });

  it('go up and down at once', async () => {
    const sent = request({
      host: '127.0.0.1',
      port: scene.sidecar.port(entry),
      path: '/?echo',
      method: 'POST',
      headers: { 'content-length': SIZE },
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) =>
      sent.on('response', resolve).on('error', reject),
    );
    const sending = pipeline(Readable.from(body(), { objectMode: false }), sent);
    const digest = createHash('sha256');
    for await (const piece of (await answered) as AsyncIterable<Buffer>) digest.update(piece);
    await sending;
    expect(digest.digest('hex')).toBe(bodyDigest);
  });
});

it('leaves trailers out for a client that did not ask for them', async () => {
  const { head, bytes, digest } = await download('orders', '/?bytes=1000&chunked');
  const wanted = await download('orders', '/?bytes=1000&chunked', { te: 'trailers' });
  expect([bytes, digest, head.trailers]).toEqual([1000, wanted.digest, {}]);
  expect(wanted.head.trailers).toEqual({ 'x-digest': wanted.digest });
});
