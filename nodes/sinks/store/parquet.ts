/** An answer as a Parquet file, written here with a DuckDB of its own: whoever answered never sees the file. */
import { existsSync, linkSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DuckDBDataChunk, DuckDBInstance, VARCHAR } from '@duckdb/node-api';
import { type Answer, type Json, messageOf, SluiceError, UsageError } from 'sluice';

/** Types that a text becomes without loss; anything else, such as a list, stays the text of its JSON. */
const plain =
  /^(BOOLEAN|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(\d{1,2},\d{1,2}\)|DATE|TIME|TIMESTAMP(_S|_MS|_NS)?|TIMESTAMP WITH TIME ZONE)$/;
const chunkRows = 2048;

/** Writes a new file that only its owner may read. @throws UsageError where one is already. */
export async function writeParquet({ columns, rows }: Answer, to: string): Promise<void> {
  const target = resolve(to);
  const taken = new UsageError(`${target} is there already; name a new file, or delete it`);
  if (existsSync(target)) throw taken;
  let folder: string | undefined;
  try {
    // Not in its place before it is whole; the folder is its owner's alone.
    folder = mkdtempSync(join(dirname(target), '.sluice-'));
    const file = join(folder, 'answer.parquet');
    const before = process.umask(0o077);
    try {
      await copyTo(file, columns, rows);
    } finally {
      process.umask(before);
    }
    linkSync(file, target);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') throw taken;
    throw new SluiceError(`query: ${target} cannot be written: ${messageOf(thrown).split('\n')[0]}`, { cause: thrown });
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

async function copyTo(file: string, columns: Answer['columns'], rows: Answer['rows']): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await connection.run(`SET TimeZone = 'UTC'`);
    await connection.run(`CREATE TABLE answer (${columns.map((_, index) => `c${index} VARCHAR`).join(', ')})`);
    const appender = await connection.createAppender('answer');
    const types = columns.map(() => VARCHAR);
    for (let from = 0; from < rows.length; from += chunkRows) {
      const some = rows.slice(from, from + chunkRows);
      const chunk = DuckDBDataChunk.create(types, some.length);
      chunk.setColumns(columns.map((_, index) => some.map((row) => textOf(row[index] ?? null))));
      appender.appendDataChunk(chunk);
    }
    appender.closeSync();
    const selected = columns.map(
      ({ type }, index) => `c${index}::${plain.test(type) ? type : 'VARCHAR'} AS ${quoted(nameOf(columns, index))}`,
    );
    await connection.run(
      `COPY (SELECT ${selected.join(', ')} FROM answer) TO '${file.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION zstd)`,
    );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const textOf = (cell: Json): string | null => (cell === null ? null : typeof cell === 'object' ? JSON.stringify(cell) : String(cell));
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A file has each name once; what comes again, in capitals or not, gets a number. */
function nameOf(columns: Answer['columns'], index: number): string {
  const name = columns[index]?.name ?? '';
  const earlier = columns.slice(0, index).filter((other) => other.name.toLowerCase() === name.toLowerCase()).length;
  return earlier === 0 ? name : `${name}_${earlier}`;
}
