/**
 * Says at the very end what was skipped and how to get it: a test that did not run must not look like one that passed.
 * Tests that need a part of the machine name it in their title: `… skipped, since it is missing; to run these: how to get it`.
 */
import type { Reporter, TestModule } from 'vitest/node';

export default class Skipped implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const reasons = new Map<string, number>();
    let [passed, failed, skipped] = [0, 0, 0];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        if (state === 'failed') failed += 1;
        if (state !== 'skipped') continue;
        skipped += 1;
        const reason = /skipped[,:] ([^>()]+)/.exec(test.fullName)?.[1]?.trim() ?? test.fullName;
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
      if (module.state() === 'failed' && module.children.size === 0) failed += 1;
    }
    for (const [reason, count] of reasons) console.log(`skipped ${count}: ${reason}`);
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  }
}
