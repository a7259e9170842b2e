import { METHODS } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_EDITS } from '../../src/http/edits.ts';
import type { Fields } from '../../src/http/fields.ts';
import { BodyScanner, type BodySink } from '../../src/http1/body-scanner.ts';
import { Carry } from '../../src/http1/carry.ts';
import { encodeRequest, requestRoom } from '../../src/http1/encode-request.ts';
import { RequestParser } from '../../src/http1/request-parser.ts';
import { requestBytes, splitsOf } from '../support/http1-arbitraries.ts';
import { NodeHttpServer, type SeenRequest, type SeenStream } from '../support/node-http-server.ts';

const LIMITS = { maxHeadBytes: 65_536, maxFields: 200, maxTargetBytes: 65_536 };
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const RUN = { seed: SEED, numRuns: 1_000_000, interruptAfterTimeLimit: 4_000, markInterruptAsFailure: false };

/**
 * What we accept and `node:http` does not, on purpose: methods it has no name for, and minor versions above 1, which
 * promise to be read as 1.1.
 */
function isDocumented(request: SeenRequest, version: string): boolean {
  return !METHODS.includes(request.method) || !/1\.[01]$/.test(version);
}

/**
 * Framing fields in a trailer section frame nothing: we leave them out (RFC 9110, 6.5.1), and node refuses what has them.
 */
const FRAMING_TRAILER = /\r\n0[^\r\n]*\r\n(?:[^\r\n]+\r\n)*?(?:content-length|transfer-encoding)[ \t]*:/i;

describe(`requests, seed ${SEED}`, () => {
  it('that both parsers accept are the same, and node refuses none that we accept', async () => {
    const node = new NodeHttpServer();
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(requestBytes, splitsOf(4), async (bytes, splits) => {
        if (FRAMING_TRAILER.test(bytes.toString('latin1'))) return;
        const ours = readOurs(bytes, splits);
        const theirs = await node.read(bytes);
        for (const [i, request] of ours.requests.entries()) {
          if (isDocumented(request, ours.versions[i]!)) return;
          const other = theirs.requests[i];
          expect(other, `node refuses request ${i}`).toBeDefined();
          expect(plain(request)).toEqual(plain(other!));
          if (request.isComplete) expect(request.body).toBe(other!.body);
          else expect(other!.body.startsWith(request.body) || request.body.startsWith(other!.body)).toBe(true);
          if (request.isComplete) expect(other!.isComplete, `node does not see the end of request ${i}`).toBe(true);
          expect(other!.trailers).toEqual(expect.arrayContaining([...request.trailers]));
          compared++;
          // Neither parser reads on behind a close, nor node behind an offer to upgrade.
          if (!ours.keepsAlive[i] || request.fields.some(([name]) => name === 'upgrade')) return;
        }
      }),
      RUN,
    );
    console.log(`compared ${compared} requests, FUZZ_SEED=${SEED}`);
    expect(compared).toBeGreaterThan(100);
  }, 20_000);

  it('mean the same after they were forwarded once or twice', () => {
    fc.assert(
      fc.property(requestBytes, (bytes) => {
        const first = forwarded(bytes);
        // Without a Host the exchange says one; an empty one stands in for it here.
        if (first === null || first.authority === '') return;
        expect(wellFormed(first.text)).toBe(true);
        const second = forwarded(Buffer.from(first.text, 'latin1'));
        expect(second).toEqual({ ...first, text: expect.any(String) });
        expect(forwarded(Buffer.from(second!.text, 'latin1'))!.text.length).toBe(second!.text.length);
      }),
      RUN,
    );
  }, 20_000);
});

interface OurStream extends SeenStream {
  readonly versions: string[];
  readonly keepsAlive: boolean[];
}

function readOurs(bytes: Buffer, splits: readonly number[]): OurStream {
  const cuts = [0, ...splits.map((split) => split % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  const requests: SeenRequest[] = [];
  const versions: string[] = [];
  const keepsAlive: boolean[] = [];
  const parser = new RequestParser(LIMITS, 'http');
  const carry = new Carry();
  let isInBody = false;
  const sink: BodySink = {
    onBody: (piece) => {
      requests.at(-1)!.body += piece.toString('latin1');
      return true;
    },
    onBodyEnd: (trailers) => {
      isInBody = false;
      requests.at(-1)!.isComplete = true;
      if (trailers !== null) requests.at(-1)!.trailers = linesOf(trailers);
    },
  };
  const scanner = new BodyScanner(sink);
  for (let i = 1; i < cuts.length; i++) {
    carry.append(bytes.subarray(cuts[i - 1], cuts[i]));
    const view = carry.view();
    let at = 0;
    while (at < view.length) {
      const isHead = !isInBody;
      const end = isHead ? parser.parse(view, at) : scanner.scan(view, at);
      if (end < 0) return { requests, versions, keepsAlive, isRefused: true };
      if (end === 0) break;
      if (isHead) {
        const { head } = parser;
        const line = head.text.slice(0, head.linesStart - 2).split(' ');
        const fields = linesOf(head);
        requests.push({ method: head.method, target: line[1]!, fields, body: '', isComplete: false, trailers: [] });
        versions.push(line[2]!);
        keepsAlive.push(head.keepsAlive);
        isInBody = true;
        scanner.begin(head.body, head.contentLength);
        at = scanner.scan(view.subarray(0, end), end);
      } else {
        at = end;
      }
    }
    carry.consume(at);
  }
  return { requests, versions, keepsAlive, isRefused: false };
}

/** The first head of the bytes as an endpoint would get it, and what it means. */
function forwarded(bytes: Buffer) {
  const parser = new RequestParser(LIMITS, 'http');
  const end = parser.parse(bytes, 0);
  if (end <= 0) return null;
  const { head } = parser;
  const out = { bytes: Buffer.alloc(requestRoom(head, NO_EDITS)), end: 0 };
  encodeRequest(out, head, NO_EDITS);
  const { method, authority, path, body, contentLength, wantsContinue, acceptsTrailers, upgrade } = head;
  const text = out.bytes.toString('latin1', 0, out.end);
  return { method, authority, path, body, contentLength, wantsContinue, acceptsTrailers, upgrade, text };
}

/** What any endpoint must be able to rely on, checked without our own parser. */
function wellFormed(text: string): boolean {
  const lines = text.split('\r\n');
  const fields = lines.slice(1, -2).map((line) => /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):/.exec(line)?.[1]?.toLowerCase());
  const count = (name: string): number => fields.filter((field) => field === name).length;
  return (
    /^[^\s]+ [^\s#]+ HTTP\/1\.1$/.test(lines[0]!) &&
    text.endsWith('\r\n\r\n') &&
    !fields.includes(undefined) &&
    !/[\0\n\r]/.test(lines.join('')) &&
    count('host') === 1 &&
    count('content-length') + count('transfer-encoding') <= 1
  );
}

function plain({ method, target, fields }: SeenRequest) {
  return { method, target, fields };
}

function linesOf(fields: Fields): [string, string][] {
  const lines: [string, string][] = [];
  fields.forEach((name, value) => lines.push([name, value]));
  return lines;
}
