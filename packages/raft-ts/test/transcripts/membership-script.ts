// Membership changes, applied to a tracker without nodes around it.

import { describeConfig, describeProgress } from "../../src/describe.js";
import { enterJoint, leaveJoint, simpleChange } from "../../src/membership.js";
import { Tracker, confStateOf } from "../../src/tracker.js";
import { parseChanges } from "./interaction.js";
import type { Case } from "./script.js";

export class MembershipScript {
  private readonly tracker = new Tracker(10, Infinity);
  private lastIndex = 0;

  run({ command, args, input }: Case): string {
    const changes = parseChanges(input);
    const autoLeave = args.find(({ key }) => key === "autoleave")?.values[0] === "true";
    try {
      const { config, progress } =
        command === "simple"
          ? simpleChange(this.tracker, this.lastIndex, changes)
          : command === "enter-joint"
            ? enterJoint(this.tracker, this.lastIndex, autoLeave, changes)
            : leaveJoint(this.tracker, this.lastIndex);
      this.tracker.switchTo(config, progress);
    } catch (error) {
      return (error as Error).message;
    } finally {
      // The index shows in which round a progress was created.
      this.lastIndex++;
    }
    const lines = this.tracker.ids.map((id) => `${id}: ${describeProgress(this.tracker.progress.get(id)!.status())}`);
    return [describeConfig(confStateOf(this.tracker.config)), ...lines].join("\n");
  }
}
