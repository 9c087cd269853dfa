import { describe, expect, test } from "@jest/globals";

import { Succession } from "../../src/raft/succession.js";

function ticksUntilCampaign(self: number, silentTicks: number, ticks = 40): number[] {
  const campaigns: number[] = [];
  let now = 0;
  const succession = new Succession({
    self,
    promiseTicks: 10,
    forgetLeader: () => undefined,
    campaign: () => campaigns.push(now),
  });
  succession.begin(2, [1, 2, 3], silentTicks);
  for (now = 1; now <= ticks; now++) succession.tick(2);
  return campaigns;
}

describe("Succession", () => {
  test("waits for the promise to run out, then tries by rank and not for ever", () => {
    expect(ticksUntilCampaign(1, 0)).toEqual([11, 14, 17, 20, 23, 26]);
    expect(ticksUntilCampaign(3, 0)[0]).toBe(14);
    expect(ticksUntilCampaign(1, 30)[0]).toBe(1);
  });

  test("is nothing for the leader itself, or for one who has no vote", () => {
    expect(ticksUntilCampaign(2, 0)).toEqual([]);
    expect(ticksUntilCampaign(9, 0)).toEqual([]);
  });

  test("ends when another one leads", () => {
    let campaigns = 0;
    const succession = new Succession({
      self: 1,
      promiseTicks: 2,
      forgetLeader: () => undefined,
      campaign: () => campaigns++,
    });
    succession.begin(2, [1, 2, 3], 0);
    succession.tick(2);
    succession.tick(3);
    for (let i = 0; i < 20; i++) succession.tick(2);
    expect(campaigns).toBe(0);
  });
});

describe("Succession at the start", () => {
  test("a server without a past campaigns at once, by rank; one with a past when its promise is over", () => {
    const campaigns: string[] = [];
    const forgotten: number[] = [];
    const start = (self: number, hasPast: boolean) => {
      let now = 0;
      const succession = new Succession({
        self,
        promiseTicks: 8,
        forgetLeader: () => forgotten.push(now),
        campaign: () => campaigns.push(`${self} at ${now}`),
      });
      succession.atStart([1, 2, 3], hasPast);
      for (now = 1; now <= 9; now++) succession.tick(0);
    };
    start(1, false);
    start(3, true);
    start(1, true);
    expect(campaigns).toEqual(["1 at 1", "1 at 4", "1 at 7", "1 at 9"]);
    expect(forgotten).toEqual([1, 9, 9]);
  });
});
