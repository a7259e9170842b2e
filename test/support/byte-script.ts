import type { Socket } from 'node:net';

/** What one end of a connection does: says bytes, waits (ms), ends its direction, resets. */
export type ByteStep = Buffer | number | 'fin' | 'reset';

/**
 * Reads a script from a fixture. Line ends of the text mean nothing; `\r`, `\n`, `\t`, `\0`, `\xHH` stand for themselves,
 * `\*N(text)` for the text N times, in which `#` is the number of the time; `\+` waits 30 ms so that what follows comes by
 * itself; `\F` is a FIN and `\R` a RST.
 */
export function parseByteScript(text: string): ByteStep[] {
  return repeated(text.replaceAll('\n', ''))
    .split(/(\\[+FR])/)
    .filter((part) => part !== '')
    .map((part) => MARKS.get(part) ?? Buffer.from(unescaped(part), 'latin1'));
}

/** Innermost first. */
function repeated(text: string): string {
  const found = /\\\*(\d+)\(((?:[^)\\]|\\[^*])*)\)/.exec(text);
  if (found === null) return text;
  const [whole, times, piece] = found as unknown as [string, string, string];
  const pieces = Array.from({ length: Number(times) }, (_, i) => piece.replaceAll('#', String(i)));
  return repeated(text.slice(0, found.index) + pieces.join('') + text.slice(found.index + whole.length));
}

const MARKS: ReadonlyMap<string, ByteStep> = new Map<string, ByteStep>([
  ['\\+', 30],
  ['\\F', 'fin'],
  ['\\R', 'reset'],
]);

/** The bytes of a text in which `\r`, `\n`, `\t`, `\0` and `\xHH` stand for themselves, as latin1. */
export function unescaped(text: string): string {
  return text.replace(/\\(x[0-9a-f]{2}|[rnt0\\)])/g, (_, code: string) => {
    if (code[0] === 'x') return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return { r: '\r', n: '\n', t: '\t', 0: '\0', '\\': '\\', ')': ')' }[code]!;
  });
}

/** Does as the script says; stops when the socket is gone. */
export async function perform(socket: Socket, steps: readonly ByteStep[]): Promise<void> {
  for (const step of steps) {
    if (socket.destroyed) return;
    if (step === 'reset') socket.resetAndDestroy();
    else if (step === 'fin') socket.end();
    else if (typeof step === 'number') await new Promise((resolve) => setTimeout(resolve, step));
    else socket.write(step);
  }
}
