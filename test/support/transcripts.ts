import { readdirSync, readFileSync } from 'node:fs';

/** One case of a transcript file: what came in, what it means, and a sentence why. */
export interface Transcript {
  readonly file: string;
  readonly name: string;
  /** `request`, or `response` with what was asked: `response`, `response HEAD`, `response GET websocket`. */
  readonly kind: string;
  readonly asked: readonly string[];
  readonly bytes: Buffer;
  readonly events: readonly string[];
}

const FOLDER = new URL('../fixtures/http1/', import.meta.url);

/**
 * Reads all transcripts of `test/fixtures/http1`. A case is a `##` heading, prose, a block of bytes and a block of
 * events. In bytes, line ends mean nothing and `\r`, `\n`, `\t`, `\0`, `\xHH` stand for themselves.
 */
export function readTranscripts(): Transcript[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.md'))
    .flatMap((name) => readFile(name));
}

function readFile(file: string): Transcript[] {
  const [, ...sections] = readFileSync(new URL(file, FOLDER), 'utf8').split(/^## /m);
  return sections.map((section) => {
    const found = /^(.+)\n([\s\S]+?)```(\w+)(.*)\n([\s\S]*?)```\s*```events\n([\s\S]*?)```\s*$/.exec(section);
    if (found === null) throw new Error(`${file}: not a transcript: ${section.slice(0, 60)}`);
    const [, name, why, kind, asked, bytes, events] = found as unknown as string[];
    if (why!.trim() === '') throw new Error(`${file}: ${name} does not say why`);
    return {
      file,
      name: name!.trim(),
      kind: kind!,
      asked: asked!.trim().split(' ').filter(Boolean),
      bytes: bytesOf(bytes!),
      events: events!.split('\n').filter((line) => line !== ''),
    };
  });
}

function bytesOf(text: string): Buffer {
  const plain = text.replaceAll('\n', '').replace(/\\(x[0-9a-f]{2}|[rnt0])/g, (_, code: string) => {
    if (code[0] === 'x') return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return { r: '\r', n: '\n', t: '\t', 0: '\0' }[code]!;
  });
  return Buffer.from(plain, 'latin1');
}
