import type { z } from 'zod';
import { FACTS } from './field.ts';
import { kindOf, scopesWithin } from './introspect.ts';
import { configSchema } from './schema.ts';

/** Every key as rows of a Markdown table, in the order of the schema. */
export function keyTable(): string {
  const head = ['| key | default | scope | meaning |', '| --- | --- | --- | --- |'];
  return [...head, ...rowsOf(configSchema, '')].join('\n');
}

function rowsOf(schema: z.core.$ZodType, path: string): string[] {
  if (FACTS.get(schema)?.sameAs != null) return [];
  const kind = kindOf(schema);
  switch (kind.kind) {
    case 'map':
      return [...kind.keys].flatMap(([key, inner]) => {
        const at = path === '' ? key : `${path}.${key}`;
        return [rowOf(inner, at), ...rowsOf(inner, at)];
      });
    case 'record':
      return rowsOf(kind.item, `${path}.<name>`);
    case 'list':
      return rowsOf(kind.item, `${path}[]`);
    case 'value':
      return [];
  }
}

function rowOf(schema: z.core.$ZodType, path: string): string {
  const facts = FACTS.get(schema);
  const scopes = facts?.sameAs != null ? ['mesh'] : [...scopesWithin(schema)];
  const cells = [
    `\`${path}\``,
    facts?.fallback ?? '**required**',
    scopes.length === 1 ? scopes[0] : '',
    facts?.meaning ?? '',
  ];
  return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
}
