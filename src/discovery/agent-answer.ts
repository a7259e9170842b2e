import { ConsulError } from './consul-error.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * The zone of an agent that speaks of itself: its locality's, which newer ones have, else what its node's meta says.
 */
export function decodeOwnZone(body: unknown): string | null {
  if (!isRecord(body)) throw new ConsulError('the agent says nothing of itself');
  const { Meta, DebugConfig } = body;
  const locality = isRecord(DebugConfig) ? DebugConfig['Locality'] : null;
  return textOf(locality, 'Zone') ?? textOf(Meta, 'zone');
}

function textOf(value: unknown, key: string): string | null {
  const text = isRecord(value) ? value[key] : null;
  return typeof text === 'string' && text !== '' ? text : null;
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
