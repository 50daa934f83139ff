/** The long form of `core/state/mend.test.ts`: each page of a state damaged in turn. The short one takes every twenty-eighth. */
process.env.SLUICE_EVERY_PAGE ??= process.env.SLUICE_SHORT ? '' : '1';
await import('../../core/state/mend.test.ts');
