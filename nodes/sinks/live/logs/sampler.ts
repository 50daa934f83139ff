/**
 * Which of many lines are shown: all while they are few, else every so many-th, in even shares of the second. Counts are exact.
 *
 *     in  ▁▁▁█████████      a flood
 *     out ▁▁▁█▄▄▄▄▄▄▄▄      at most 1.5 × `perSecond` in the second in which it begins, then `perSecond`
 */
export interface Sampler {
  /** Another one came; whether it is shown. */
  take(): boolean;
  /** A second has passed. */
  tick(): void;
}

export function createSampler(perSecond: number): Sampler {
  const most = Math.floor(perSecond * 1.5);
  let came = 0;
  let shown = 0;
  /** As many as the second before gave reason for. */
  let usual = 1;
  let left = 1;
  let skip = 0;
  // What comes in turns, as from ten servers, must not meet each tenth: so within its block each is picked by lot.
  let seed = 1;
  const lot = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  const begin = () => {
    const room = most - shown;
    // Once there is more than was to be expected, the rest gets ever thinner, so that some of all of it is seen.
    const stride = shown < perSecond ? usual : usual * 4 ** (1 + Math.floor(Math.log2((most - perSecond + 1) / Math.max(1, room))));
    left = Math.max(1, stride);
    skip = lot(left);
  };

  return {
    take() {
      came++;
      const picked = skip === 0 && shown < most;
      skip--;
      left--;
      if (picked) shown++;
      if (left <= 0) begin();
      return picked;
    },
    tick() {
      usual = Math.max(1, Math.ceil(came / perSecond));
      came = 0;
      shown = 0;
      if (left > usual) begin();
    },
  };
}
