/**
 * The failures that the runtime tells apart. Everything else that is thrown may pass by itself, and is tried again.
 */

/** An error whose message is for a person: what happened, where, and what to do. Printed without a stack. */
export class SluiceError extends Error {
  override readonly name: string = 'SluiceError';

  constructor(message: string, options?: ErrorOptions) {
    super(message.startsWith('sluice: ') ? message : `sluice: ${message}`, options);
  }
}

/** What a person configured cannot work: the process says so and ends (exit 1). Never retried. */
export class ConfigError extends SluiceError {
  override readonly name = 'ConfigError';
}

/** The command line was wrong (exit 2). */
export class UsageError extends SluiceError {
  override readonly name = 'UsageError';
}

/** This input can never be handled, however often it is tried: it is dead-lettered with this reason, and the next flows. */
export class Reject extends SluiceError {
  override readonly name = 'Reject';
}

/** A broker took a never-lose event to nobody: no queue wants its key. It is kept and offered again. */
export class Unwanted extends SluiceError {
  override readonly name = 'Unwanted';
}

/** A never-lose event that one queue has no room for, though others may have taken it. It is kept and offered again. */
export class Full extends SluiceError {
  override readonly name = 'Full';
}

/** The message of anything that was thrown, without a stack. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
