import { expect, it } from 'vitest';
import { withoutCredentials } from '../../src/config/hidden.ts';

it.each([
  ['http://127.0.0.1:8500', 'http://127.0.0.1:8500'],
  ['unix:///run/consul.sock', 'unix:///run/consul.sock'],
  ['http://user:s3cret@host:8500/v1', 'http://***@host:8500/v1'],
  ['http://user:s3/cr@et@host', 'http://***@host'],
  ['user:s3cret@host:8500', '***@host:8500'],
  ['https://c:4318/v1?api-key=s3cret&x=s3cret', 'https://c:4318/v1?api-key=***&x=***'],
  ['https://c:4318/?s3cret', 'https://c:4318/?***'],
  ['https://c:4318/#s3cret', 'https://c:4318/#***'],
  ['https://c/?key=s3=cret?s3cret', 'https://c/?key=***'],
  ['http://u:s3?cret@host', 'http://***'],
  ['https://c/?key=s3@cret', 'https://***'],
  ['Meta.zone == "a@b"', 'Meta.zone == "a@b"'],
  ['127.0.0.1:80', '127.0.0.1:80'],
])('shows %j as %j', (text, shown) => {
  expect(withoutCredentials(text)).toBe(shown);
});
