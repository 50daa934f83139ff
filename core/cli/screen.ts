/**
 * All that the command line prints. What comes from strangers goes through {@link inert}.
 */
import { inert, inertJson } from '../inert.ts';

export { inert };

/** JSON that is as harmless as {@link inert} text, and means the same. */
export const json = (value: unknown, indent?: number): string => inertJson(JSON.stringify(value, undefined, indent));

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Paint = { readonly [Name in keyof typeof codes]: (text: string) => string };

/** Colours, or none where nobody would see them: not a terminal, or NO_COLOR is set. */
export function paintFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Paint {
  const plain = stream.isTTY !== true || (env.NO_COLOR ?? '') !== '' || env.TERM === 'dumb';
  const colour = (code: number) => (text: string) => (plain ? text : `\x1b[${code}m${text}\x1b[0m`);
  return Object.fromEntries(Object.entries(codes).map(([name, code]) => [name, colour(code)])) as Paint;
}

/** A cell: text from anywhere, and how to paint it once it is inert. */
export type Cell = string | readonly [text: string, paint: (text: string) => string];

/** Rows under a head, in columns as wide as they need to be. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], paint: Paint): string {
  const cells = [head.map((text): Cell => [text, paint.dim]), ...rows].map((row) =>
    row.map((cell) => (typeof cell === 'string' ? { text: inert(cell), colour: String } : { text: inert(cell[0]), colour: cell[1] })),
  );
  const widths = head.map((_, column) => Math.max(...cells.map((row) => [...(row[column]?.text ?? '')].length)));
  const line = (row: (typeof cells)[number]) =>
    row
      .map(({ text, colour }, column) => colour(text) + ' '.repeat((widths[column] ?? 0) - [...text].length))
      .join('  ')
      .trimEnd();
  return `${cells.map(line).join('\n')}\n`;
}

/** Writes to standard output, and waits while its reader is behind. */
export async function print(text: string): Promise<void> {
  if (process.stdout.write(text)) return;
  await new Promise<void>((resolve) => process.stdout.once('drain', resolve));
}

/** A remark that is not part of the result: to standard error, so that a pipe stays clean. */
export function remark(text: string): void {
  process.stderr.write(`${inert(text)}\n`);
}
