import { createHash } from 'node:crypto';

const SEAL = /^# remora sha256=([0-9a-f]{64})\r?\n/;

/**
 * A document as `apply` writes it: its first line says what the rest must be, so that nobody applies one that was cut
 * short. It is a comment of YAML, and JSON below it stays readable for all who read YAML.
 */
export function sealed(text: string): string {
  const body = unsealed(text);
  return `# remora sha256=${digest(body)}\n${body}`;
}

/** The document below its first line; one without such a line is all document. */
export function unsealed(text: string): string {
  return text.replace(SEAL, '');
}

/** Whether it is whole, as far as it says so itself. */
export function isWhole(text: string): boolean {
  const said = SEAL.exec(text)?.[1];
  return said === undefined || said === digest(unsealed(text));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
