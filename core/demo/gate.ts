/** One host's way to the bus, which a scenario can cut: what is sent meanwhile waits, as it does while a broker is away. */
import type { Bus, Message } from '../bus/bus.ts';
import type { Clock } from '../clock.ts';

export interface Gate {
  readonly bus: Bus;
  cut(): void;
  heal(): void;
}

/** @param confirmed the bus has taken something. */
export function gateTo(bus: Bus, clock: Clock, confirmed: () => void): Gate {
  let open = true;
  let waiting: (() => void)[] = [];
  const watchers: ((connected: boolean) => void)[] = [];
  const turn = (next: boolean): void => {
    if (open === next) return;
    open = next;
    for (const changed of watchers) changed(open && bus.connected);
    if (!open) return;
    const resumed = waiting;
    waiting = [];
    for (const resume of resumed) resume();
  };
  const publish = async (message: Message): Promise<void> => {
    const began = clock.monotonic();
    while (!open) await new Promise<void>((resolve) => waiting.push(resolve));
    const left = message.expires === undefined ? undefined : message.expires - (clock.monotonic() - began);
    if (left === undefined) await bus.publish(message);
    // Otherwise nobody wants it any more.
    else if (left > 0) await bus.publish({ ...message, expires: Math.ceil(left) });
    confirmed();
  };
  return {
    bus: {
      ...bus,
      get connected() {
        return open && bus.connected;
      },
      get blocked() {
        return bus.blocked ?? false;
      },
      get via() {
        return open ? bus.via : undefined;
      },
      publish: (message) => (open ? bus.publish(message).then(confirmed) : publish(message)),
      watch(changed) {
        watchers.push(changed);
        bus.watch((connected) => changed(open && connected));
      },
      close: async () => {},
    },
    cut: () => turn(false),
    heal: () => turn(true),
  };
}
