/** What a bench's processes run of sluice: what is built, as users run it. A loader of TypeScript would be measured too. */
export const compiled = async <Module>(path: string): Promise<Module> =>
  (await import(new URL(`../../../dist/${path}.js`, import.meta.url).href)) as Module;
