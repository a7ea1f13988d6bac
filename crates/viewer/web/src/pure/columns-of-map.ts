/** Which requests the context map shows when there are more of them than columns. */

/** Groups of consecutive requests, at most `most`; each is shown by its largest. */
export function groupColumns(sizes: readonly number[], most: number): { readonly shown: readonly number[]; readonly per: number } {
  const per = Math.max(1, Math.ceil(sizes.length / Math.max(1, most)));
  const shown: number[] = [];
  for (let from = 0; from < sizes.length; from += per) {
    let largest = from;
    for (let at = from + 1; at < Math.min(sizes.length, from + per); at += 1) {
      if (sizes[at]! > sizes[largest]!) {
        largest = at;
      }
    }
    shown.push(largest);
  }
  return { shown, per };
}

/** Round values for an axis from 0 to `most`, about `count` of them. */
export function roundValues(most: number, count: number): number[] {
  if (most <= 0) {
    return [0];
  }
  const least = most / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((value) => value >= least) ?? 10 * power;
  const values: number[] = [];
  for (let value = 0; value <= most; value += step) {
    values.push(value);
  }
  return values;
}
