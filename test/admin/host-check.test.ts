import { describe, expect, it } from 'vitest';
import { meansUs } from '../../src/admin/host-check.ts';

describe('meansUs', () => {
  it('takes the address the connection came in on, as a dual-stack socket writes it too', () => {
    expect(meansUs('10.0.0.5:15000', '::ffff:10.0.0.5')).toBe(true);
    expect(meansUs('[2001:db8::5]:15000', '2001:DB8::5')).toBe(true);
    expect(meansUs('10.0.0.6:15000', '::ffff:10.0.0.5')).toBe(false);
  });

  it('does not take the wildcard for an address', () => {
    expect(meansUs('0.0.0.0', '10.0.0.5')).toBe(false);
  });

  it.each(['127.0.0.1.', '127.0.0.1:', '127.0.0.1:123456', 'localhost:80:80', 'local host', '[127.0.0.1', '::1'])(
    'refuses "%s", which is no Host',
    (host) => {
      expect(meansUs(host, '127.0.0.1')).toBe(false);
    },
  );
});
