import type { RouteMatch, ValueMatch } from '../../route/table/options.ts';
import type { Decision } from './rehearsal.ts';

/** Why a request went where it did, in a line. */
export function whyOf({ route, match, upstream }: Decision): string {
  if (route === null)
    return upstream === null
      ? 'no route matches it, and no upstream is called so'
      : `no route matches it; it is led by the name, or the port, of ${upstream}`;
  return match === null
    ? `route ${route} is for every request of its hosts`
    : `route ${route} matches it: ${wordsOf(match)}`;
}

function wordsOf({ path, methods, grpc, headers, query, cookies }: RouteMatch): string {
  const words = [
    ...(path === null ? [] : [`path ${path.kind} ${path.value}`]),
    ...(methods.length === 0 ? [] : [methods.join(' or ')]),
    ...(grpc === null ? [] : [`a call of ${grpc.service ?? 'any service'}, ${grpc.method ?? 'any method'}`]),
    ...headers.map((value) => `header ${valueWords(value)}`),
    ...query.map((value) => `query ${valueWords(value)}`),
    ...cookies.map((value) => `cookie ${valueWords(value)}`),
  ];
  return words.length === 0 ? 'it asks for nothing' : words.join(', ');
}

function valueWords({ name, match, isInverted }: ValueMatch): string {
  const said = match.kind === 'present' ? 'present' : `${match.kind} ${match.value}`;
  return `${name}${isInverted ? ' not' : ''} ${said}`;
}
