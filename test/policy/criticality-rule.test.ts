import { describe, expect, it } from 'vitest';
import { Edits } from '../../src/http/edits.ts';
import {
  CriticalityRule,
  DEFAULT_CRITICALITY_OPTIONS,
  INBOUND_CRITICALITY,
} from '../../src/policy/criticality-rule.ts';
import { Visit } from '../../src/policy/door.ts';
import { requestHead } from '../support/exchange-script.ts';

const FIELD = 'x-remora-criticality';

/** What a request with this word is held for, and what the endpoint is told. */
function told(rule: CriticalityRule, word: string | null, header = FIELD): readonly [number, string | null] {
  const visit = new Visit();
  rule.read(requestHead(word === null ? {} : { fields: { [header]: word } }), visit);
  const edits = new Edits();
  rule.pass(visit, edits);
  return [visit.criticality, edits.addedCount === 0 ? null : `${edits.names[0]}: ${edits.values[0]}`];
}

describe('of the own application', () => {
  const rule = new CriticalityRule(DEFAULT_CRITICALITY_OPTIONS);
  it.each([
    ['critical_plus', 0],
    ['critical', 1],
    ['sheddable_plus', 2],
    ['sheddable', 3],
  ])('%s is taken, and passed on', (word, level) => {
    expect(told(rule, word)).toEqual([level, `${FIELD}: ${word}`]);
  });

  it('takes it in any case, and passes it on as it is written', () => {
    expect(told(rule, ' Sheddable ')).toEqual([3, `${FIELD}: sheddable`]);
  });

  it('says nothing where nothing was said, and takes a word that it does not know for none', () => {
    expect(told(rule, null)).toEqual([1, null]);
    expect(told(rule, 'urgent!')).toEqual([1, `${FIELD}: critical`]);
  });
});

describe('of callers', () => {
  const rule = new CriticalityRule(INBOUND_CRITICALITY);
  it('may be lower than usual and not higher', () => {
    expect(told(rule, 'sheddable')).toEqual([3, `${FIELD}: sheddable`]);
    expect(told(rule, 'critical_plus')).toEqual([1, `${FIELD}: critical`]);
  });

  it('may be higher where that is said', () => {
    const raising = new CriticalityRule({ ...INBOUND_CRITICALITY, mayRaise: true });
    expect(told(raising, 'critical_plus')).toEqual([0, `${FIELD}: critical_plus`]);
  });
});

it('says what is usual where that is not what others take for it', () => {
  const rule = new CriticalityRule({ header: 'x-priority', default: 'sheddable', mayRaise: true });
  expect(told(rule, null)).toEqual([3, 'x-priority: sheddable']);
  expect(told(rule, 'critical', 'x-priority')).toEqual([1, 'x-priority: critical']);
});

it('takes opaque connections for usual', () => {
  const visit = new Visit();
  new CriticalityRule({ ...DEFAULT_CRITICALITY_OPTIONS, default: 'sheddable_plus' }).read(null, visit);
  expect(visit.criticality).toBe(2);
});
