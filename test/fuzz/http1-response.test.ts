import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_EDITS } from '../../src/http/edits.ts';
import type { Fields } from '../../src/http/fields.ts';
import { BodyScanner, BROKEN } from '../../src/http1/body-scanner.ts';
import { Carry } from '../../src/http1/carry.ts';
import { encodeResponse, responseFraming, responseRoom } from '../../src/http1/encode-response.ts';
import { NEED_MORE, REFUSED } from '../../src/http1/head-scanner.ts';
import { ResponseParser } from '../../src/http1/response-parser.ts';
import { answerBytes } from '../support/http1-answer-arbitraries.ts';
import { splitsOf } from '../support/http1-arbitraries.ts';
import { readByNode, type SeenAnswer } from '../support/node-http-client.ts';
import { judgeAnswers, statusOf } from '../support/wire-judge.ts';

const LIMITS = { maxHeadBytes: 65_536, maxFields: 200, maxTargetBytes: 65_536 };
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const RUN = { seed: SEED, numRuns: 1_000_000, interruptAfterTimeLimit: 3_500, markInterruptAsFailure: false };
const method = fc.constantFrom('GET', 'GET', 'POST', 'HEAD');

/** What we accept and `node:http` does not, on purpose: minor versions above 1, which promise to be read as 1.1. */
function isDocumented(bytes: Buffer): boolean {
  return /^HTTP\/1\.[2-9]/m.test(bytes.toString('latin1'));
}

describe(`answers, seed ${SEED}`, () => {
  it('that we accept node accepts too, and they are the same', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(method, answerBytes, splitsOf(4), async (asked, bytes, splits) => {
        const ours = readByUs(asked, bytes, splits);
        if (ours === null || isDocumented(bytes)) return;
        const theirs = await readByNode(asked, bytes);
        expect(theirs, 'node sees no answer').not.toBeNull();
        const { body, isComplete, trailers, ...head } = ours;
        expect(theirs).toMatchObject(head);
        if (isComplete) {
          expect(theirs).toMatchObject({ body, isComplete });
          expect(theirs!.trailers).toEqual(expect.arrayContaining([...trailers]));
        } else {
          expect(theirs!.body.startsWith(body) || body.startsWith(theirs!.body)).toBe(true);
        }
        compared++;
      }),
      RUN,
    );
    console.log(`compared ${compared} answers, FUZZ_SEED=${SEED}`);
    expect(compared).toBeGreaterThan(100);
  }, 20_000);

  it('mean the same after they were passed on, and are well-formed by other rules than ours', () => {
    let passed = 0;
    fc.assert(
      fc.property(method, answerBytes, (asked, bytes) => {
        const first = passedOn(asked, bytes);
        if (first === null) return;
        const judged = judgeAnswers(first.text, { methods: [asked] });
        expect(judged.faults).toEqual([]);
        expect(judged.messages.map(({ start }) => statusOf(start))).toEqual([first.status]);
        const { text, ...meaning } = first;
        expect(passedOn(asked, Buffer.from(text, 'latin1'))).toEqual({ ...meaning, text });
        passed++;
      }),
      RUN,
    );
    expect(passed).toBeGreaterThan(100);
  }, 20_000);
});

/** Null when we see no final head. */
function readByUs(asked: string, bytes: Buffer, splits: readonly number[]): SeenAnswer | null {
  const cuts = [0, ...splits.map((split) => split % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  const interims: number[] = [];
  let seen: SeenAnswer | null = null;
  const parser = new ResponseParser(LIMITS);
  parser.begin(asked, null);
  const scanner = new BodyScanner({
    onBody: (piece) => {
      seen!.body += piece.toString('latin1');
      return true;
    },
    onBodyEnd: (trailers) => {
      seen!.isComplete = true;
      if (trailers !== null) seen!.trailers = linesOf(trailers);
    },
  });
  const carry = new Carry();
  for (let i = 1; i < cuts.length; i++) {
    carry.append(bytes.subarray(cuts[i - 1], cuts[i]));
    const view = carry.view();
    let at = 0;
    while (seen === null) {
      const end = parser.parse(view, at);
      if (end === REFUSED) return null;
      if (end === NEED_MORE) break;
      at = end;
      const { head } = parser;
      if (head.status < 200) interims.push(head.status);
      else {
        seen = { interims, status: head.status, fields: linesOf(head), body: '', isComplete: false, trailers: [] };
        scanner.begin(head.body, head.contentLength);
      }
    }
    if (seen !== null) at = scanner.scan(view, at);
    if (at === BROKEN) return seen;
    carry.consume(at);
    if (scanner.isDone && seen !== null) return seen;
  }
  scanner.finish();
  return seen;
}

/** The first head of the bytes as a client of HTTP/1.1 would get it, and what it means. */
function passedOn(asked: string, bytes: Buffer) {
  const parser = new ResponseParser(LIMITS);
  parser.begin(asked, null);
  const end = parser.parse(bytes, 0);
  const { head } = parser;
  if (end <= 0 || head.status < 200) return null;
  const framing = responseFraming(head, 1);
  const out = { bytes: Buffer.alloc(responseRoom(head, NO_EDITS)), end: 0 };
  encodeResponse(out, head, NO_EDITS, framing, 'implied');
  const { status, contentLength } = head;
  return { status, framing, contentLength, text: out.bytes.toString('latin1', 0, out.end) };
}

function linesOf(fields: Fields): [string, string][] {
  const lines: [string, string][] = [];
  fields.forEach((name, value) => lines.push([name, value]));
  return lines;
}
