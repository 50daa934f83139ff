/**
 * Trying again. A broker that has just begun finds its queues one by one, so what fails at first is said only when it lasts.
 */

/** How long to wait before the next try, in milliseconds: doubling from 100 to `most`, spread so that a fleet does not knock as one. */
export const backOff = (tries: number, most = 5000): number => Math.min(most, 100 * 2 ** Math.min(tries, 20)) * (0.5 + Math.random() / 2);

/** The try, counted from 0, at which a failure is worth a person's notice: it has then lasted for two seconds or three. */
export const worthSaying = 5;
