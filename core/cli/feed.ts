/**
 * Hands on what callbacks bring to one `for await`, in order. Holds what was not asked for yet: whoever pushes bounds it.
 */
export interface Feed<Item> extends AsyncIterable<Item> {
  push(item: Item): void;
  /** Ends the loop once what is held was read; with an error, by throwing it. */
  end(error?: Error): void;
}

export function createFeed<Item>(): Feed<Item> {
  const held: Item[] = [];
  let ended: { readonly error: Error | undefined } | undefined;
  let wake = () => {};
  return {
    push(item) {
      held.push(item);
      wake();
    },
    end(error) {
      ended ??= { error };
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (held.length > 0) yield held.shift() as Item;
        if (ended?.error) throw ended.error;
        if (ended) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
