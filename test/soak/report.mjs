const WIDE = 9;

/** Per kind of case: what its columns are, and what stands in them. */
const COLUMNS = {
  fault: {
    note: 'times in ms, memory in MiB; hurt: from the fault to the last bad quarter second; back: the same from its end; first, fair: seconds from its end to the first good answer of who had it, and to the first second with its share but for a fifth; att: attempts seen by endpoints over requests; over: above the law of retries in the worst ten seconds (kept: at most 0)',
    of: (row) => ({
      requests: row.requests,
      failed: row.failed,
      retried: row.retried,
      att: row.attempts.toFixed(3),
      over: row.excess.toFixed(0),
      resent: row.resent,
      p50: row.p50.toFixed(1),
      p99: row.p99.toFixed(1),
      max: row.max.toFixed(0),
      hurt: row.hurtMs.toFixed(0),
      back: row.returnMs.toFixed(0),
      first: seconds(row.firstS),
      fair: seconds(row.fairS),
      'RSS idle/peak/after': [row.idle, row.peak, row.after].map((mib) => mib.toFixed(0)).join('/'),
    }),
  },
  chain: {
    note: 'four remoras in a row, the last service always 503: attempts at each service over requests at the first; unsent: requests that the load could not make',
    of: (row) => ({
      requests: row.requests,
      'rate/s': row.rate.toFixed(0),
      second: row.second.toFixed(3),
      third: row.third.toFixed(3),
      bottom: row.bottom.toFixed(3),
      p50: row.p50.toFixed(1),
      p99: row.p99.toFixed(1),
      unsent: row.unsent,
    }),
  },
  overload: {
    note: 'an endpoint that serves so many at a time for 50 ms each, offered three times that; good: answers in time, in % of what it can do (its least); wait: the longest that an accepted one waited before and beside its 50 ms, in ms',
    of: (row) => ({
      requests: row.requests,
      'good %': (-row.lessGood * 100).toFixed(1),
      refused: row.refused,
      'p50 good': row.p50.toFixed(1),
      'p99 good': row.p99.toFixed(1),
      wait: row.longestWait.toFixed(0),
      unsent: row.unsent,
    }),
  },
};

/** With its header, where it is the first of its kind. */
export function printRow(row, isFirst) {
  const { note, of } = COLUMNS[row.kind];
  const cells = of(row);
  if (isFirst) {
    console.log(`\n${note}\n`);
    print(['case', ...Object.keys(cells)]);
  }
  print([row.name, ...Object.values(cells)]);
  for (const line of [...row.remarks, ...row.problems]) console.log(`    ${line}`);
}

export function print(cells) {
  const [name = '', ...figures] = cells.map(String);
  console.log(name.padEnd(13) + figures.map((text) => text.padStart(WIDE)).join(' '));
}

/** A fault that nobody had has no end to come back from. */
function seconds(value) {
  return Number.isFinite(value) ? value.toFixed(2) : 'never';
}
