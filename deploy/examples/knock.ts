import { defineFilter, table, z } from 'sluice';

export default defineFilter({
  name: 'knock',
  doc: 'Tells when a server refuses many logins within a minute.',
  config: z.strictObject({ limit: z.int().default(5) }),
  in: [{ kind: 'log' }],
  out: ['incident'],
  tables: { refused: table(z.array(z.number()), { bound: 10_000, ttl: 60_000 }) },
  create: ({ limit }, { refused }) => ({
    event({ key, data }, at) {
      const count = data.lines.filter(({ body }) => body.includes('Failed password')).length;
      if (count === 0) return [];
      const minute = [...(refused.get(key) ?? []), ...Array<number>(count).fill(at)].filter((time) => time > at - 60_000);
      // Said once: what led to it is forgotten with it.
      if (minute.length < limit) refused.set(key, minute);
      else refused.delete(key);
      return minute.length < limit
        ? []
        : [{ kind: 'incident', key, data: { what: 'many refused logins', fields: { count: minute.length } } }];
    },
  }),
  examples: [
    {
      doc: 'tells of five refused logins within a minute',
      given: [
        { at: '0s', event: refused(3) },
        { at: '30s', event: refused(2) },
      ],
      expect: [{ kind: 'incident', at: '30s', data: { fields: { count: 5 } } }],
    },
    {
      doc: 'starts anew once it has told',
      given: [
        { at: '0s', event: refused(5) },
        { at: '1s', event: refused(4) },
      ],
      expect: [{ kind: 'incident', at: '0s' }],
    },
    {
      doc: 'stays quiet when they are spread out',
      given: [
        { at: '0s', event: refused(3) },
        { at: '2m', event: refused(4) },
      ],
      expect: [],
    },
  ],
});

function refused(count: number) {
  const lines = Array.from({ length: count }, () => ({ body: 'Failed password for root from 192.0.2.7' }));
  return { kind: 'log' as const, key: 'acme.shop.prod.web-1.log.auth', data: { lines } };
}
