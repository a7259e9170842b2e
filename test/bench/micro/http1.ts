import { Edits, NO_EDITS } from '../../../src/http/edits.ts';
import { encodeRequest, requestRoom } from '../../../src/http1/encode-request.ts';
import { encodeResponse, responseFraming, responseRoom } from '../../../src/http1/encode-response.ts';
import { RequestParser } from '../../../src/http1/request-parser.ts';
import { ResponseParser } from '../../../src/http1/response-parser.ts';

/**
 * What the codec costs per message, alone on one core: `node --experimental-transform-types test/bench/micro/http1.ts`. Prints and asserts nothing. The
 * proxy's own cost is what `npm run bench` says.
 */
const LIMITS = { maxHeadBytes: 65_536, maxFields: 128, maxTargetBytes: 8_192 };
const ROUNDS = 5;
const COUNT = 300_000;

const SMALL_REQUEST = Buffer.from('GET /a HTTP/1.1\r\nHost: orders.mesh\r\n\r\n', 'latin1');
const LARGE_REQUEST = Buffer.from(largeRequest(), 'latin1');
const RESPONSE = Buffer.from(
  'HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: application/json\r\n' +
    'Content-Length: 100\r\nConnection: keep-alive\r\n\r\n',
  'latin1',
);

const requests = new RequestParser(LIMITS, 'http');
const responses = new ResponseParser(LIMITS);
const out = { bytes: Buffer.allocUnsafeSlow(131_072), end: 0 };
const edits = new Edits();

measure(`parse request, ${SMALL_REQUEST.length} B`, () => requests.parse(SMALL_REQUEST, 0));
measure(`parse request, ${LARGE_REQUEST.length} B`, () => requests.parse(LARGE_REQUEST, 0));
measure(`encode it with eight edits`, encodeLarge);
measure(`parse and encode`, () => requests.parse(LARGE_REQUEST, 0) + encodeLarge());
measure(`parse answer, ${RESPONSE.length} B`, parseResponse);
measure(`parse and encode answer`, () => parseResponse() + encodeAnswer());

function encodeLarge(): number {
  const { head } = requests;
  edits.reset();
  edits.removesOwn = true;
  edits.set('x-forwarded-for', '127.0.0.1');
  edits.append('x-forwarded-proto', 'http');
  edits.append('x-forwarded-host', head.authority);
  edits.set('x-request-id', '0f8fad5b-d9cb-469f-a165-70867728950e');
  edits.set('traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
  edits.remove('tracestate');
  edits.set('x-remora-hop', 'd2a1b0c9');
  edits.set('x-remora-attempt', '1');
  out.end = 0;
  if (requestRoom(head, edits) > out.bytes.length) return 0;
  encodeRequest(out, head, edits);
  return out.end;
}

function parseResponse(): number {
  responses.begin('GET', null);
  return responses.parse(RESPONSE, 0);
}

function encodeAnswer(): number {
  const { head } = responses;
  out.end = 0;
  if (responseRoom(head, NO_EDITS) > out.bytes.length) return 0;
  encodeResponse(out, head, NO_EDITS, responseFraming(head, 1), 'implied');
  return out.end;
}

function measure(name: string, run: () => number): void {
  let best = Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.hrtime.bigint();
    for (let i = 0; i < COUNT; i++) sum += run();
    best = Math.min(best, Number(process.hrtime.bigint() - before) / COUNT);
  }
  console.log(`${name.padEnd(32)} ${best.toFixed(0).padStart(6)} ns ${sum > 0 ? '' : '(nothing done)'}`);
}

function largeRequest(): string {
  const lines = ['GET /orders/1234567?view=full&lang=en HTTP/1.1', 'Host: orders.mesh', 'Connection: keep-alive'];
  lines.push('User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0');
  lines.push('Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8');
  lines.push('Accept-Encoding: gzip, deflate, br', 'Accept-Language: en-US,en;q=0.9,de;q=0.8');
  lines.push(`Authorization: Bearer ${'abcdefghij'.repeat(18)}`, 'Cache-Control: no-cache', 'X-Tenant: acme');
  lines.push(`Cookie: session=${'0123456789'.repeat(9)}`, 'Referer: https://example.com/some/where/else');
  return `${lines.join('\r\n')}\r\n\r\n`;
}
