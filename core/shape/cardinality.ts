/**
 * How many different values there were, within bounded memory: exact while they are few, then a HyperLogLog with 1,024 registers
 * (Flajolet et al. 2007), which is wrong by 3 % as a rule.
 */
const exactUpTo = 256;
const indexBits = 10;
const registers = 1 << indexBits;
/** The constant of the paper for this many registers. */
const alpha = 0.7213 / (1 + 1.079 / registers);

export interface Cardinality {
  add(hash: number): void;
  readonly count: number;
  /** Whether the count is an estimate. */
  readonly estimated: boolean;
}

export function cardinality(): Cardinality {
  let few: Set<number> | undefined = new Set();
  let ranks: Uint8Array | undefined;

  const rank = (hash: number) => {
    if (!ranks) return;
    const index = hash >>> (32 - indexBits);
    const rest = (hash << indexBits) >>> 0;
    const leading = rest === 0 ? 32 - indexBits + 1 : Math.clz32(rest) + 1;
    if (leading > (ranks[index] ?? 0)) ranks[index] = leading;
  };
  const estimate = (all: Uint8Array): number => {
    let sum = 0;
    let empty = 0;
    for (const each of all) {
      sum += 2 ** -each;
      if (each === 0) empty += 1;
    }
    const raw = (alpha * registers * registers) / sum;
    // Where registers are empty still, counting those is more exact.
    return Math.round(raw <= 2.5 * registers && empty > 0 ? registers * Math.log(registers / empty) : raw);
  };

  return {
    add(hash) {
      if (!few) return rank(hash);
      few.add(hash);
      if (few.size <= exactUpTo) return;
      ranks = new Uint8Array(registers);
      for (const each of few) rank(each);
      few = undefined;
    },
    get count() {
      return few ? few.size : estimate(ranks ?? new Uint8Array(registers));
    },
    get estimated() {
      return few === undefined;
    },
  };
}

/** How much of a text tells it from others: a stranger's may be long. */
const hashedLength = 256;

/** 32 bits of a text: FNV-1a over its first characters and its length, then mixed. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5 ^ text.length;
  const end = Math.min(text.length, hashedLength);
  for (let at = 0; at < end; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return mix(hash);
}

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** 32 bits of a number. */
export function hashNumber(value: number): number {
  float[0] = value === 0 ? 0 : value;
  return mix(Math.imul(words[0] ?? 0, 0x9e3779b1) ^ (words[1] ?? 0));
}

/** MurmurHash3's last step: each bit of the input turns half of the output's. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
