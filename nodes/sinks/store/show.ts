/** An answer as text: a table for people, CSV for spreadsheets, JSON for programs. Nothing in it acts on a terminal. */
import { type Answer, inert, inertJson, type Json } from 'sluice';

export function showAnswer({ columns, rows, cut }: Answer, format: 'table' | 'csv' | 'json'): string {
  const names = columns.map(({ name }) => name);
  if (format === 'json') return `${inertJson(JSON.stringify({ columns, rows, cut }, undefined, 2))}\n`;
  const texts = [names, ...rows.map((row) => row.map(textOf))];
  if (format === 'csv') return texts.map((row) => `${row.map(csvOf).join(',')}\r\n`).join('');
  const cells = texts.map((row) => row.map((cell) => inert(cell)));
  const widths = names.map((_, column) => cells.reduce((most, row) => Math.max(most, [...(row[column] ?? '')].length), 0));
  const isNumber = columns.map((_, column) => rows.some((row) => typeof row[column] === 'number'));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const space = ' '.repeat((widths[column] ?? 0) - [...cell].length);
        return isNumber[column] ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd();
  return `${cells.map(line).join('\n')}\n`;
}

const textOf = (value: Json): string => (value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value));

/** RFC 4180. A text that a spreadsheet would run as a formula is made text by an apostrophe. */
function csvOf(cell: string): string {
  const plain = inert(cell, 'lines');
  const safe = /^[=+@\t]|^-(?!\d)/.test(plain) ? `'${plain}` : plain;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
