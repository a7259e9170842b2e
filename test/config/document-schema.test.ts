import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type DocumentKind, documentSchema } from '../../src/config/document-schema.ts';
import { jsonSchema } from '../../src/config/json-schema.ts';
import { FIRST_FILE } from './first-file.ts';

const judges = Object.fromEntries(
  (['file', 'mesh', 'service'] as const).map((kind) => {
    const ajv = new Ajv({ strict: true, strictTypes: false, allErrors: true });
    return [kind, ajv.compile(documentSchema(kind) as object)];
  }),
);
const accepts = (kind: DocumentKind, text: string): boolean => judges[kind]!(parse(text));

describe('the schema of a document', () => {
  it('is the published one for the file', () => {
    expect(documentSchema('file')).toEqual(jsonSchema());
    expect(accepts('file', FIRST_FILE)).toBe(true);
  });

  it.each<[DocumentKind, string]>([
    ['mesh', '{}'],
    ['mesh', 'allowEmpty: true'],
    ['mesh', 'defaults: { timeouts: { request: 5s }, retry: null }'],
    ['mesh', 'upstreams: { orders: { balance: ring_hash, hash: { source: true } }, old: null }'],
    ['mesh', 'routes: { cart: { hosts: [shop], to: cart } }'],
    ['service', 'timeouts: { request: 5s, attempt: null }'],
    ['service', 'routes: { v2: { to: orders-v2 } }'],
  ])('takes for %s %s', (kind, text) => {
    expect(accepts(kind, text), JSON.stringify(judges[kind]!.errors)).toBe(true);
  });

  it.each<[DocumentKind, string]>([
    ['mesh', 'service: { name: web, port: 1 }'],
    ['mesh', 'consul: {}'],
    ['mesh', 'admin: { port: 1 }'],
    ['mesh', 'upstreams: { orders: { port: 1 } }'],
    ['mesh', 'defaults: { timeouts: { request: 5 } }'],
    ['service', 'upstreams: {}'],
    ['service', 'service: other'],
    ['service', 'port: 1'],
    ['service', 'timeouts: { conect: 5s }'],
  ])('refuses for %s %s', (kind, text) => {
    expect(accepts(kind, text)).toBe(false);
  });

  it('says of every key what it means', () => {
    const { properties } = documentSchema('service') as { properties: Record<string, { description?: string }> };
    expect(Object.entries(properties).filter(([, { description }]) => !description)).toEqual([]);
  });
});
