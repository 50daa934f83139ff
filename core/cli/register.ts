/** For `node --import`: a test file of a plugin runs with Node's own runner, and finds `sluice` here. */
import { loadTypescript } from '../runtime/typescript.ts';

await loadTypescript();
