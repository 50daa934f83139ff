import { kinds } from 'sluice';
import { describe, expect, test } from 'vitest';
import { draftsOf, wordOf } from './drafts.ts';
import { decode, lineLimit, split } from './lines.ts';
import { parseLine } from './parse.ts';
import { originals, withoutPast } from './past.ts';

const parse = (text: string) => parseLine({ text, cut: 0 });

describe('formats', () => {
  const lines: [name: string, text: string, line: object][] = [
    [
      'RFC 5424 with structured data and escapes',
      '<165>1 2026-01-02T03:04:05.678901+01:00 web-1 shop 42 ID47 [a@1 iut="3" say="\\"hi\\" \\\\ \\]"][b@1 x=""] \uFEFFan event',
      {
        body: 'an event',
        severity: 'info',
        time: '2026-01-02T02:04:05.678Z',
        fields: {
          facility: 'local4',
          host: 'web-1',
          program: 'shop',
          pid: 42,
          message_id: 'ID47',
          'a@1.iut': '3',
          'a@1.say': '"hi" \\ ]',
          'b@1.x': '',
        },
      },
    ],
    ['RFC 5424 with nothing but a message', '<0>1 - - - - - - boom', { body: 'boom', severity: 'fatal', fields: { facility: 'kern' } }],
    ['RFC 5424 without a message', '<11>1 - - su - - -', { body: '', severity: 'error', fields: { facility: 'user', program: 'su' } }],
    [
      'RFC 3164',
      "<34>Oct 11 22:14:15 web-1 su[7]: 'su root' failed",
      {
        body: "'su root' failed",
        severity: 'fatal',
        fields: { facility: 'auth', timestamp: 'Oct 11 22:14:15', host: 'web-1', program: 'su', pid: 7 },
      },
    ],
    [
      'RFC 3164 as files have it',
      'Jan  2 03:04:05 web-1 postfix/smtpd[9]: warning: hostname does not resolve',
      {
        body: 'warning: hostname does not resolve',
        severity: 'warn',
        fields: { timestamp: 'Jan  2 03:04:05', host: 'web-1', program: 'postfix/smtpd', pid: 9 },
      },
    ],
    ['RFC 3164 without host', 'Jan  2 03:04:05 su: hello', { body: 'hello', fields: { timestamp: 'Jan  2 03:04:05', program: 'su' } }],
    ['RFC 3164 without program', 'Jan  2 03:04:05 what is this', { body: 'what is this', fields: { timestamp: 'Jan  2 03:04:05' } }],
    [
      "rsyslog's own format",
      '2026-01-02T03:04:05.678901+00:00 web-1 sshd[42]: Accepted publickey',
      { body: 'Accepted publickey', time: '2026-01-02T03:04:05.678Z', fields: { host: 'web-1', program: 'sshd', pid: 42 } },
    ],
    [
      'JSON lines of pino',
      '{"level":50,"time":1767323045678,"msg":"no route","pid":7,"err":{"code":"E1"},"retry":false}',
      { body: 'no route', severity: 'error', time: '2026-01-02T03:04:05.678Z', fields: { pid: 7, err: '{"code":"E1"}', retry: false } },
    ],
    [
      'JSON lines of Docker',
      '{"log":"hello\\n","stream":"stderr","time":"2026-01-02T03:04:05.678901234Z"}',
      { body: 'hello', time: '2026-01-02T03:04:05.678Z', fields: { stream: 'stderr' } },
    ],
    [
      'JSON with seconds',
      '{"ts":1767323045.5,"level":"WARNING","event":"x"}',
      { body: 'x', severity: 'warn', time: '2026-01-02T03:04:05.500Z' },
    ],
    ['JSON without a message', '{"a":1}', { body: '{"a":1}', fields: { a: 1 } }],
    [
      'an application',
      '2026-01-02T03:04:05Z ERROR it broke',
      { body: '2026-01-02T03:04:05Z ERROR it broke', severity: 'error', time: '2026-01-02T03:04:05.000Z' },
    ],
    ['logfmt', 'ts=1 level=warn msg="x"', { body: 'ts=1 level=warn msg="x"', severity: 'warn' }],
    ['a time in brackets', '[2026-01-02 03:04:05,6+0200] x', { body: '[2026-01-02 03:04:05,6+0200] x', time: '2026-01-02T01:04:05.600Z' }],
    [
      'an access log',
      '192.0.2.1 - - [02/Jan/2026:03:04:05 +0000] "GET /error HTTP/1.1" 200 1',
      { body: '192.0.2.1 - - [02/Jan/2026:03:04:05 +0000] "GET /error HTTP/1.1" 200 1' },
    ],
    ['plain', 'terror and information', { body: 'terror and information' }],
  ];
  for (const [name, text, line] of lines) test(name, () => expect(parse(text)).toEqual(line));

  test("a time without a zone is in this machine's own", () => {
    expect(parse('2026-01-02 03:04:05,678 x').time).toBe(new Date('2026-01-02T03:04:05.678').toISOString());
    expect(parse('2026/01/02 03:04:05 [error] 12#0: x')).toMatchObject({
      severity: 'error',
      time: new Date('2026-01-02T03:04:05').toISOString(),
    });
  });
});

describe('hostile text', () => {
  const hostile = [
    '\u001b]0;owned\u0007\u001b[31mred',
    '\u202egnp.exe',
    '<img src=x onerror=alert(1)>',
    '<999>x',
    '<34>',
    '<34>1 ',
    '<34>1 2026-99-99T99:99:99Z a b c d - x',
    '<34>1 - a b c d [a b="c" x',
    '<34>1 - a b c d [a b="c\\" x',
    `<34>1 - a b c d ${'[a'.repeat(30_000)}`,
    `<34>1 - a b c d [a ${'x="" '.repeat(13_000)}] y`,
    '{"__proto__":{"x":1},"constructor":1,"":2,"msg":"m"}',
    '{"n":1e999,"level":{"a":1},"time":[],"msg":5}',
    `{"msg":"${'\\u0000'.repeat(9000)}"}`,
    '{"msg":"\\ud800 half"}',
    `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
    `{${Array.from({ length: 5000 }, (_, index) => `"k${index}":1`).join(',')}}`,
    `{"${'k'.repeat(60_000)}":"${'v'.repeat(4)}"}`,
    '0000-01-01T00:00:00+23:59 x',
    '9999-12-31T23:59:59-23:59 x',
    '2026-02-30T00:00:00Z x',
    'Oct 11 22:14:15 ',
    `Oct 11 22:14:15 ${'a:'.repeat(30_000)}`,
    'level='.repeat(10_000),
    '\u0000\u0000',
    '\r',
    '',
  ];
  test('never makes an event that is refused, and keeps its text', () => {
    for (const text of hostile) {
      for (const draft of draftsOf('/var/log/x.log', [{ text, cut: 0 }])) {
        expect(kinds.log.schema.safeParse(draft.data).error, text.slice(0, 60)).toBeUndefined();
        expect(draft.data.lines[0]?.body.isWellFormed()).toBe(true);
      }
    }
    expect(parse(hostile[0] ?? '').body).toBe(hostile[0]);
    expect(parse('{"__proto__":{"x":1},"constructor":1,"":2,"msg":"m"}')).toEqual({ body: 'm', fields: { constructor: 1 } });
    expect(Object.hasOwn(parse('{"a":1,"__proto__":{"x":1}}').fields ?? {}, '__proto__')).toBe(false);
  });

  test('takes time in proportion to its length', () => {
    // Twice the text in twice the time would be linear; a quadratic parser takes seconds for these.
    const began = performance.now();
    for (const seed of [...hostile, '[2026', 'a[', '<1', 'Oct 11 22:14:15 a b[', '\\"', 'E', 'WARNIN', ' ', '{"a":'].filter(Boolean)) {
      for (const prefix of ['', '<34>1 - a b c d [a b="', '{'])
        parse((prefix + seed.repeat(Math.ceil(60_000 / seed.length))).slice(0, 65_536));
    }
    expect(performance.now() - began).toBeLessThan(3000);
  });

  test('no draft passes an event’s megabyte, whatever the lines are', () => {
    const worst = [
      '\u0001'.repeat(65_536),
      '\ufffd'.repeat(21_845),
      `<34>1 - a b c d [${'i'.repeat(100)} ${'x="" '.repeat(2000)}] ${'\u0000'.repeat(50_000)}`,
      `{"msg":"m",${Array.from({ length: 60 }, (_, index) => `"${index}${'\\u0001'.repeat(20)}":"${'\\u0001'.repeat(150)}"`).join(',')}}`,
      'short',
    ];
    const lines = Array.from({ length: 2000 }, (_, index) => ({ text: worst[index % worst.length] ?? '', cut: 0 }));
    const drafts = draftsOf('/var/log/x.log', lines);
    expect(drafts.reduce((sum, draft) => sum + draft.data.lines.length, 0)).toBe(2000);
    for (const draft of drafts) expect(Buffer.byteLength(JSON.stringify(draft.data))).toBeLessThan(1_000_000);
    expect(
      draftsOf(
        '/x.log',
        Array.from({ length: 1200 }, () => ({ text: 'short', cut: 0 })),
      ).map(({ data }) => data.lines.length),
    ).toEqual([500, 500, 200]);
  });
});

describe('bytes', () => {
  test('newlines of both kinds, blank lines, NULs and invalid UTF-8', () => {
    const bytes = Buffer.concat([
      Buffer.from('one\r\n\n\0\0two\nthr\0ee\n\r\n'),
      Buffer.from([0xc3, 0x28, 0xe2, 0x82, 0x0a]),
      Buffer.from('ü\n'),
    ]);
    expect(split(bytes).map(({ text }) => text)).toEqual(['one', 'two', 'thr\0ee', '\ufffd(\ufffd', 'ü']);
  });

  test('a long line is cut between characters, and says by how many bytes', () => {
    const text = `${'x'.repeat(lineLimit - 1)}€uro`;
    const line = decode(Buffer.from(text), 0, Buffer.byteLength(text));
    expect(line).toEqual({ text: 'x'.repeat(lineLimit - 1), cut: 6 });
  });
});

describe('names', () => {
  test('a file’s word in a key', () => {
    expect(['/var/log/nginx/access.log', '/var/log/syslog', '/x/app.out', '/x/….log', `/x/${'a'.repeat(300)}`].map(wordOf)).toEqual([
      'access',
      'syslog',
      'app-out',
      '-',
      'a'.repeat(64),
    ]);
  });

  test('what rotation leaves is told from other logs', () => {
    const past = ['x.log.1', 'x.log.10', 'x.log-20260102', 'x.log.2026-01-02_10', 'x.log.old', 'x-2026-01-02.log', 'x.2026-01-02.3.log'];
    for (const name of past) expect(originals(name), name).toContain('x.log');
    for (const name of ['x.log', 'x-2.log', 'x.error.log', 'y.log.1', 'x.log.gz', 'x.log.d'])
      expect(originals(name), name).not.toContain('x.log');
    expect(withoutPast(['/l/x.log', '/l/x.log.1', '/l/y.log.1', '/l/x.log.2.gz', '/l/mail', '/l/mail.err', '/m/x.log.1'])).toEqual([
      '/l/x.log',
      '/l/y.log.1',
      '/l/mail',
      '/l/mail.err',
      '/m/x.log.1',
    ]);
  });
});
