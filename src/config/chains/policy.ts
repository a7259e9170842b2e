import { GRPC_WORDS, RETRY_WORDS } from '../../policy/retry-words.ts';
import { isSettable } from '../../route/effects/settable.ts';
import { formatDuration } from '../units.ts';
import { goDuration, type Words } from './words.ts';

type Written = Record<string, unknown>;

const DAY_MS = 86_400_000;

/** A duration as the file has it; null when nothing is said, or nothing that the file could say. */
export function durationIn(words: Words, key: string): string | null {
  const text = words.text(key);
  if (text === '' || text === '0s') return null;
  const ms = goDuration(text);
  if (ms !== null && ms >= 1 && ms <= DAY_MS) return formatDuration(ms);
  words.refuse(key, JSON.stringify(text), 'a duration from 1ms to 24h');
  return null;
}

/** Attempts of one request that the file allows. */
const MAX_ATTEMPTS = 10;

/** What a destination of a router says of retries. Who asks for those of gRPC says that its calls may be made twice. */
export function retryOf(words: Words): Written {
  const retries = words.number('NumRetries');
  const on = new Set<string>();
  if (words.flag('RetryOnConnectFailure')) on.add('connect-failure');
  for (const word of words.texts('RetryOn')) {
    if ((RETRY_WORDS as readonly string[]).includes(word)) on.add(word);
    else words.refuse('RetryOn', JSON.stringify(word), `one of ${RETRY_WORDS.join(', ')}`);
  }
  const codes = words.list('RetryOnStatusCodes');
  const statuses = codes.filter((code) => Number.isInteger(code) && Number(code) >= 400 && Number(code) <= 599);
  if (statuses.length < codes.length) words.refuse('RetryOnStatusCodes', 'other statuses', 'statuses from 400 to 599');
  if (statuses.length > 0) on.add('retriable-status-codes');
  else on.delete('retriable-status-codes');
  for (const word of ['retriable-headers', 'retriable-grpc-statuses']) {
    if (on.delete(word)) words.refuse('RetryOn', JSON.stringify(word), 'no word whose list Consul does not have');
  }
  if (retries > MAX_ATTEMPTS - 1) words.refuse('NumRetries', String(retries), `at most ${MAX_ATTEMPTS - 1}`);
  return {
    ...(retries > 0 ? { maxAttempts: Math.min(retries + 1, MAX_ATTEMPTS) } : {}),
    ...(on.size > 0 ? { on: [...on] } : {}),
    ...(GRPC_WORDS.some((word) => on.has(word)) ? { grpcIdempotent: true } : {}),
    ...(statuses.length > 0 ? { statuses: [...new Set(statuses)] } : {}),
  };
}

/** `RequestHeaders` and `ResponseHeaders`; null: nothing is changed. */
export function changesOf(words: Words): Written | null {
  const set = fieldsOf(words, 'Set');
  const add = fieldsOf(words, 'Add');
  const remove = words.texts('Remove').filter((name) => isOurs(words, 'Remove', name));
  words.done();
  const count = Object.keys(set).length + Object.keys(add).length + remove.length;
  return count === 0 ? null : { set, add, remove };
}

/** Consul's Envoys know variables in values, in Envoy's words, which are not ours. */
function fieldsOf(words: Words, key: string): Written {
  const entries = Object.entries(words.map(key)).filter(([, value]) => typeof value === 'string');
  const plain = entries.filter(([, value]) => !String(value).includes('%'));
  if (plain.length < entries.length) words.refuse(key, 'a value with % in it', "no variables of Envoy's");
  return Object.fromEntries(plain.filter(([name]) => isOurs(words, key, name)));
}

function isOurs(words: Words, key: string, name: string): boolean {
  const isFine = isSettable(name.toLowerCase());
  if (!isFine) words.refuse(key, JSON.stringify(name), 'a header other than Host, those of framing, tracing and gRPC');
  return isFine;
}

/** Names of policies are the same but for those that say nothing. */
const POLICIES: readonly string[] = ['random', 'round_robin', 'least_request', 'ring_hash', 'maglev'];

/** How an endpoint is chosen. */
export function balanceOf(words: Words): Written {
  const policy = words.text('Policy');
  const ring = words.words('RingHashConfig');
  const least = words.words('LeastRequestConfig');
  const policies = words.list('HashPolicies').map((item, index) => words.wordsOf(item, 'HashPolicies', index));
  words.done();
  const sizes = { min: ring.number('MinimumRingSize'), max: ring.number('MaximumRingSize') };
  ring.done();
  const choices = least.number('ChoiceCount');
  if (choices !== 0 && choices !== 2) least.refuse('ChoiceCount', String(choices), '2, the power of two choices');
  least.done();
  const hash = policies.flatMap(sourceOf);
  if (policy === '') return {};
  if (!POLICIES.includes(policy)) {
    words.refuse('Policy', JSON.stringify(policy), `one of ${POLICIES.join(', ')}`);
    return {};
  }
  if (policy !== 'ring_hash' && policy !== 'maglev') return { balance: policy };
  if (hash.length === 0) {
    words.refuse('HashPolicies', 'none', 'something to hash, or remora cannot hash at all');
    return {};
  }
  const bounds = { ...(sizes.min > 0 ? { minSize: sizes.min } : {}), ...(sizes.max > 0 ? { maxSize: sizes.max } : {}) };
  const isSized = policy === 'ring_hash' && Object.keys(bounds).length > 0;
  return { balance: policy, hash, ...(isSized ? { ring: { sizing: 'envoy', ...bounds } } : {}) };
}

function sourceOf(words: Words): Written[] {
  const field = words.text('Field');
  const name = words.text('FieldValue');
  const cookie = words.words('CookieConfig');
  const isSource = words.flag('SourceIP');
  const terminal = words.flag('Terminal');
  words.done();
  const session = cookie.flag('Session');
  const ttl = durationIn(cookie, 'TTL');
  const path = cookie.text('Path');
  cookie.done();
  const end = terminal ? { terminal } : {};
  if (isSource) return [{ source: true, ...end }];
  if (field === 'header') return [{ header: name, ...end }];
  if (field === 'query_parameter') return [{ query: name, ...end }];
  if (field === 'cookie') {
    const made = { ...(session ? { ttl: 0 } : ttl === null ? {} : { ttl }), ...(path === '' ? {} : { path }) };
    return [{ cookie: { name, ...made }, ...end }];
  }
  words.refuse('Field', JSON.stringify(field), 'header, cookie or query_parameter');
  return [];
}
