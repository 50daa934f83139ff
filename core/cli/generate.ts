/**
 * Writes what others may hold on to, from the schemas that the code validates with: `docs/protocol/`. With `--check` it
 * writes nothing and fails where a file is not in step. For this repository's own use: `npm run generate`.
 *
 *     config.schema.json   for editors that complete a config
 *     events.schema.json   an event on the wire, for each kind
 *     asyncapi.json        the exchanges, for those who speak AMQP themselves
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { fileSchema } from '../config/schema.ts';
import { envelope, typeOf } from '../event.ts';
import { packageRoot, version } from '../installation.ts';
import { type Delivery, type Kind, kindNames, kinds } from '../kinds.ts';

type Schema = Record<string, unknown>;

const draft = 'http://json-schema.org/draft-07/schema#';

/** What a writer may say: a default may be left out. Draft 7 is what editors and AsyncAPI read best. */
function schemaOf(schema: z.ZodType): Schema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'draft-7', unrepresentable: 'any' });
  return rest;
}

function configSchema(): Schema {
  return { $schema: draft, ...schemaOf(fileSchema) };
}

function eventsSchema(): Schema {
  const data = Object.fromEntries(kindNames.map((kind) => [kind, schemaOf(kinds[kind].schema)]));
  const ofKind = (kind: Kind): Schema => ({
    title: kind,
    properties: { type: { const: typeOf(kind) }, data: { $ref: `#/definitions/${kind}` } },
  });
  return {
    $schema: draft,
    title: 'sluice event',
    description: 'One event on the wire: structured JSON with CloudEvents 1.0 attributes. A batch is an array of events of one kind.',
    allOf: [{ $ref: '#/definitions/envelope' }, { oneOf: kindNames.map(ofKind) }],
    definitions: { envelope: schemaOf(envelope), ...data },
  };
}

const travels: Record<Delivery, string> = {
  durable: 'Never lost: where there is no room, its writer waits.',
  telemetry: 'Where there is no room the oldest gives way, counted.',
  heartbeat: 'Each watcher has a queue of its own.',
  state: 'One current value per key; a late joiner reads the last of each.',
};

function asyncapi(): Schema {
  const each = (make: (kind: Kind) => Schema) => Object.fromEntries(kindNames.map((kind) => [kind, make(kind)]));
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'sluice',
      version: version(),
      description:
        'One topic exchange per kind of event. The routing key is what the event is about: company.system.environment.host.resource…',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/cloudevents+json',
    channels: each((kind) => ({
      address: `sluice.${kind}`,
      description: travels[kinds[kind].delivery],
      messages: { [kind]: { $ref: `#/components/messages/${kind}` } },
      bindings: {
        amqp: {
          is: 'routingKey',
          exchange: { name: `sluice.${kind}`, type: 'topic', durable: true, autoDelete: false },
          bindingVersion: '0.3.0',
        },
      },
    })),
    operations: Object.fromEntries(
      kindNames.flatMap((kind) => [
        [`publish.${kind}`, { action: 'send', channel: { $ref: `#/channels/${kind}` } }],
        [`read.${kind}`, { action: 'receive', channel: { $ref: `#/channels/${kind}` } }],
      ]),
    ),
    components: {
      messages: each((kind) => ({
        name: typeOf(kind),
        contentType: 'application/cloudevents+json',
        ...(kinds[kind].batched && {
          description: 'Also as application/cloudevents-batch+json: a JSON array of such events, routed by all of their keys.',
        }),
        payload: {
          allOf: [
            { $ref: './events.schema.json#/definitions/envelope' },
            { properties: { type: { const: typeOf(kind) }, data: { $ref: `./events.schema.json#/definitions/${kind}` } } },
          ],
        },
      })),
    },
  };
}

const files: Record<string, () => Schema> = {
  'config.schema.json': configSchema,
  'events.schema.json': eventsSchema,
  'asyncapi.json': asyncapi,
};

/** Writes the files, or lists those that are not in step. */
export function generate(folder: string, mode: 'write' | 'check'): string[] {
  if (mode === 'write') mkdirSync(folder, { recursive: true });
  return Object.entries(files).flatMap(([name, make]) => {
    const text = `${JSON.stringify(make(), null, 2)}\n`;
    if (mode === 'check') return textOf(join(folder, name)) === text ? [] : [name];
    writeFileSync(join(folder, name), text);
    return [];
  });
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

if (import.meta.filename === process.argv[1]) {
  const stale = generate(join(packageRoot, 'docs', 'protocol'), process.argv.includes('--check') ? 'check' : 'write');
  if (stale.length > 0) {
    process.stderr.write(`sluice: docs/protocol: ${stale.join(', ')} not in step with the schemas; run: npm run generate\n`);
    process.exitCode = 1;
  }
}
