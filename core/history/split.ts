/** Lines of a stream of bytes, as they come. Whoever stops early lets go of the stream; where it breaks, the loop throws. */
import { SluiceError } from '../errors.ts';

/** The largest event has a quarter of it. */
const longestLine = 4 * 1024 * 1024;

/** @throws SluiceError for a line that no event could need */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > longestLine) throw new SluiceError(`history: a line is longer than ${longestLine} characters; these are no events`);
    yield* lines;
  }
  if (rest !== '') yield rest;
}
