import { z } from 'zod';
import { FACTS } from './field.ts';
import { kindOf } from './introspect.ts';
import { configSchema } from './schema.ts';

const REFERENCE = { type: 'string' as const, pattern: '\\$\\{(env|file):[^}]+\\}' };

/**
 * The schema as editors want it (`# yaml-language-server: $schema=...`). It knows every key, type and unit, and says
 * each key's scope; what values say together it cannot know, `remora check` does.
 */
export function jsonSchema(): unknown {
  const schema = z.toJSONSchema(configSchema, {
    target: 'draft-07',
    io: 'input',
    unrepresentable: 'any',
    reused: 'ref',
    override: ({ zodSchema, jsonSchema: node }) => {
      const facts = FACTS.get(zodSchema);
      if (facts === undefined) return;
      // A local value may be a reference, which no pattern or number would let pass.
      const isPlainText = node.type === 'string' && node.pattern === undefined && node.enum === undefined;
      if (facts.scope === 'local' && kindOf(zodSchema).kind === 'value' && !isPlainText) {
        const { default: fallback, ...rest } = node;
        for (const key of Object.keys(node)) delete node[key as keyof typeof node];
        node.anyOf = [rest, REFERENCE];
        if (fallback !== undefined) node.default = fallback;
      }
      const scope = facts.scope === null ? '' : ` [${facts.scope}]`;
      const fallback =
        facts.fallback === null || node.default !== undefined ? '' : ` When not given: ${facts.fallback}.`;
      node.description = `${facts.meaning}${fallback}${scope}`;
    },
  });
  return { ...schema, title: 'remora configuration' };
}
