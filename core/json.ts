/**
 * JSON from strangers: depth and keys are bounded before anything recursive looks at a value.
 */
import { z } from 'zod';

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** How deep free-form values may nest. Deeper ones are a mistake or an attack; walking them would end the stack. */
export const maxDepth = 64;

/** Says what makes a parsed value unfit, or undefined when it is sound. Iterative: any depth is safe to ask about. */
export function unfit(value: unknown): string | undefined {
  const stack: [value: unknown, depth: number][] = [[value, 0]];
  for (let top = stack.pop(); top; top = stack.pop()) {
    const [current, depth] = top;
    if (typeof current !== 'object' || current === null) continue;
    if (depth >= maxDepth) return `nested deeper than ${maxDepth} levels`;
    if (Object.hasOwn(current, '__proto__')) return 'has a key named __proto__';
    for (const child of Array.isArray(current) ? current : Object.values(current)) stack.push([child, depth + 1]);
  }
  return undefined;
}

/** Any JSON value. What is read from the wire was checked for depth before it comes here. */
export const jsonValue: z.ZodType<Json, unknown> = z
  .custom<Json>((value) => value !== undefined && typeof value !== 'function')
  .meta({ description: 'any JSON value' });
