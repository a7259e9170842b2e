import { expect, it } from 'vitest';
import { lagInText, parseLag } from '../../src/cluster/lag.ts';

it.each([
  ['120ms', 120],
  ['1.5s', 1500],
  [' 2m ', 120_000],
  ['0', 0],
  ['3', 3000],
  ['0.25', 250],
])('reads %j as %d ms', (text, ms) => {
  expect(parseLag(text)).toBe(ms);
});

it.each(['', '-1', 'NULL', '1h', '1,5s', '12 34', 's', '1e3'])('says of %j that it is no lag', (text) => {
  expect(parseLag(text)).toBeNull();
});

it.each([
  ['state=replica lag=3', 3_000],
  ['role: replica, lag: 120ms, up 40 days', 120],
  ['{"state":"streaming","replication_lag":1.5}', 1_500],
  ['up 3 days; the lag is 2m', 120_000],
  ['42 s behind master', 42_000],
  ['HTTP GET http://127.0.0.1:8500/replica: 200 OK Output: 1.2s', 1_200],
  ['HTTP GET http://127.0.0.1:8500/replica: 503 Service Unavailable Output: {"lag": 9}', 9_000],
  ['postgres 16/B374D848', null],
  ['', null],
  ['no lag at all, of 3 replicas', null],
  ['lag=-1 uptime=400', null],
  ['check of the lag on port 5432: lag=0.5', 500],
  [`${'x '.repeat(2_100)}lag=1`, null],
])('finds the lag in the output of a check: %s', (text, ms) => {
  expect(lagInText(text)).toBe(ms);
});
