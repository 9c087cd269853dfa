// How many jobs a second are registered, and how long after the last answer all their evaluations are done.
import { syncedAppends } from "../anchors.mjs";
import { registration, untilEvaluated } from "../api.mjs";
import { closedLoop } from "../load.mjs";

export const name = "registrations";

export async function run(context) {
  const { sizes } = context;
  const anchors = new Map();
  for (const writers of sizes.writers) {
    context.say(`bare synced appends, writers: ${writers}`);
    anchors.set(writers, await syncedAppends(context.directory, { writers, seconds: sizes.anchorSeconds }));
  }
  const given = context.addresses?.length;
  for (const count of given === undefined ? [1, 3] : [given === 1 ? 1 : 3]) {
    const rates = new Map(sizes.writers.map((writers) => [writers, []]));
    const evaluatedMs = [];
    for (let repetition = 0; repetition < sizes.repetitions; repetition++) {
      await context.withServers(count, async ([leader]) => {
        for (const writers of sizes.writers) {
          const turn = `${repetition + 1} of ${sizes.repetitions}`;
          context.say(`registrations, servers: ${count}, writers: ${writers} (${turn})`);
          const prefix = `register-${writers}-${Date.now().toString(36)}`;
          const result = await closedLoop(leader.address, {
            connections: writers,
            total: writers === 1 ? sizes.registrations / 4 : sizes.registrations,
            maxMs: 60_000,
            make: (i) => registration(`${prefix}-${i}`),
          });
          if (result.failed > 0) context.warn(`${result.failed} registrations failed: ${result.failures[0].problem}`);
          rates.get(writers).push(result.perSecond);
          const evaluatedAt = await untilEvaluated(leader.address);
          if (count === 3)
            evaluatedMs.push(evaluatedAt === undefined ? 60_000 : Math.max(0, evaluatedAt - result.endedAt));
        }
      });
    }
    for (const writers of sizes.writers) {
      const { level, file } = anchors.get(writers);
      const note = `plain file append with fdatasync: ${Math.round(file).toLocaleString("en-US")}/s`;
      context.record(`register.${count}.${writers}`, { values: rates.get(writers), anchor: level, note });
    }
    if (count === 3) context.record("register.evaluated", { values: [Math.max(...evaluatedMs)] });
  }
}
