// Small numbers out of many: medians, quantiles, and how they are printed.

/** The value below which the share `q` of the numbers lies; NaN for none. */
export function quantile(numbers, q) {
  const sorted = Float64Array.from(numbers).sort();
  return sorted.length === 0 ? NaN : sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

/** The middle one of the repetitions, or the mean of the two in the middle. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** `30,000/s`, `1,200 ms`, `97 MiB`: whole numbers from 10 on, one decimal below. */
export function formatFigure(value, unit) {
  if (value === undefined || !Number.isFinite(value)) return "-";
  const number =
    Math.abs(value) >= 10 ? Math.round(value).toLocaleString("en-US") : String(Math.round(value * 10) / 10);
  return unit === "/s" || unit === "%" ? number + unit : unit === "" ? number : `${number} ${unit}`;
}
