/** The civil date of a day that is counted from 1970-01-01 (proleptic Gregorian calendar, by 400-year cycles that begin in March). */
function civilDate(daysSinceEpoch: number): [year: number, month: number, day: number] {
  const days = daysSinceEpoch + 719_468;
  const cycle = Math.floor(days / 146_097);
  const dayOfCycle = days - cycle * 146_097;
  const yearOfCycle = Math.floor(
    (dayOfCycle - Math.floor(dayOfCycle / 1460) + Math.floor(dayOfCycle / 36_524) - Math.floor(dayOfCycle / 146_096)) /
      365,
  );
  const dayOfYear = dayOfCycle - (365 * yearOfCycle + Math.floor(yearOfCycle / 4) - Math.floor(yearOfCycle / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return [yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0), month, day];
}

const two = (value: number): string => String(value).padStart(2, "0");

/**
 * RFC 3339 text in UTC of a time in milliseconds since the epoch, at most microseconds exact, without trailing zeros. Computed here rather
 * than with `Date`, of which this package must have none: applying a command may depend on nothing but the command.
 */
export function formatTimestamp(timeMs: number): string {
  // Rounded first, so that a fraction close to 1 makes the next second.
  const wholeMs = Math.floor(timeMs);
  const micros = Math.round((timeMs - wholeMs) * 1000);
  const seconds = Math.floor((wholeMs + Math.floor(micros / 1000)) / 1000);
  const fraction = (wholeMs - seconds * 1000) * 1000 + micros;
  const days = Math.floor(seconds / 86_400);
  const time = seconds - days * 86_400;
  const [year, month, day] = civilDate(days);
  const clock = `${two(Math.floor(time / 3600))}:${two(Math.floor(time / 60) % 60)}:${two(time % 60)}`;
  const tail = fraction === 0 ? "" : `.${String(fraction).padStart(6, "0").replace(/0+$/, "")}`;
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}T${clock}${tail}Z`;
}
