import { writeFileSync } from "node:fs";

/**
 * The tests' result as one plain line that any CI can read: `N passed, N failed, N skipped`. Jest's own summary comes
 * after all reporters, so the line goes into the file that STEPPE_TEST_SUMMARY names, and scripts/test.mjs prints it last.
 */
export default class SummaryReporter {
  onRunComplete(_contexts, results) {
    const file = process.env.STEPPE_TEST_SUMMARY;
    if (file === undefined) return;
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites } = results;
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    writeFileSync(file, `${numPassedTests} passed, ${failed} failed, ${numPendingTests + numTodoTests} skipped\n`);
  }
}
