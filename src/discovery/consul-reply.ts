import type { IncomingHttpHeaders } from 'node:http';
import type { ConsulAnswer } from './consul-api.ts';
import { ConsulError, describeError } from './consul-error.ts';

/** One HTTP answer of Consul, complete, whatever its status. */
export interface ConsulReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A decoded value with what the headers say of it. */
export function answerOf<T>(reply: ConsulReply, value: T, print: string): ConsulAnswer<T> {
  const { headers } = reply;
  return {
    value,
    index: parseIndex(headers['x-consul-index']),
    knowsLeader: headers['x-consul-knownleader'] === 'true',
    isFiltered: headers['x-consul-results-filtered-by-acls'] === 'true',
    print,
  };
}

export function parseJson(reply: ConsulReply): unknown {
  try {
    return JSON.parse(reply.text);
  } catch (error) {
    throw new ConsulError(`the answer is not JSON: ${describeError(error)}`);
  }
}

export function refusal(reply: ConsulReply): ConsulError {
  return new ConsulError(`Consul answered ${reply.status}: ${describeError(reply.text)}`, reply.status);
}

/** Indexes are 64-bit, so they never pass through a number. */
function parseIndex(text: string | string[] | undefined): bigint | null {
  return typeof text === 'string' && /^\d{1,20}$/.test(text) ? BigInt(text) : null;
}
