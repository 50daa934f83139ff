/** The file that everything is asked of, when it is let go in the middle of an answer. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { LetGo, openDatabase, rowsOf } from './database.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-database-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('lets no interrupted answer pass for a whole one, and takes no question after', { timeout: 60_000 }, async () => {
  const database = await openDatabase(join(folder, 'history'));
  const connection = await database.connect();
  const silent = database.during(new Promise((resolve) => setTimeout(resolve, 200, 'as if it were whole')));
  const endless = database.during(rowsOf(connection, 'SELECT count(*) FROM range(1000000000000) AS one, range(1000) AS other'));
  const refused = Promise.all([expect(silent).rejects.toThrow(LetGo), expect(endless).rejects.toThrow(LetGo)]);
  await database.close();
  await refused;
  await expect(database.connect()).rejects.toThrow('ask again once it runs');
});
