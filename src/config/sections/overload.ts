import { DEFAULT_OVERLOAD } from '../../policy/overload-guard.ts';
import type { PressureOptions } from '../../policy/pressure.ts';
import { defaulted, group, section } from '../field.ts';
import { formatDuration } from '../units.ts';
import { choice, duration, ratio } from '../values.ts';

const { loop, heap, sockets } = DEFAULT_OVERLOAD;

function modeOf({ mode }: PressureOptions, why: string) {
  return defaulted(choice(['off', 'observe', 'enforce']), mode, {
    scope: 'local',
    meaning: `Refuse (\`enforce\`), count what would be refused (\`observe\`), or neither. ${why}`,
  });
}

function shareOf(what: string, { start, full }: PressureOptions) {
  return {
    start: defaulted(ratio(Number.MIN_VALUE), start, {
      scope: 'local',
      meaning: `${what} from which on there is pressure.`,
    }),
    full: defaulted(ratio(Number.MIN_VALUE), full, { scope: 'local', meaning: `${what} at which it is full.` }),
  };
}

export const overloadSection = section({
  loop: group(
    section({
      mode: modeOf(
        loop,
        'Observed: with too little CPU answers are late and not lost, and whether none is better is yours to say.',
      ),
      start: defaulted(duration(), formatDuration(loop.start), {
        scope: 'local',
        meaning: 'Delay of the event loop from which on there is pressure. A request takes several turns of the loop.',
      }),
      full: defaulted(duration(), formatDuration(loop.full), {
        scope: 'local',
        meaning: 'Delay at which it is full.',
      }),
    }),
    'The event loop, by how late it comes to a timer. One pause, however long, is no pressure.',
  ),
  heap: group(
    section({
      mode: modeOf(heap, 'Enforced: the alternative is the end of the process.'),
      ...shareOf('Share of what V8 gives the old generation', heap),
    }),
    'The JavaScript heap.',
  ),
  sockets: group(
    section({
      mode: modeOf(sockets, 'Enforced: connections beyond the bound are refused in any case.'),
      ...shareOf('Share of the connections that clients may have', sockets),
    }),
    'Connections of clients, against half of the file descriptors. Requests on connections that are open are not refused for it.',
  ),
});
