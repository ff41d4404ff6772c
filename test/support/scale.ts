/** `npm test` scales the durations of a fault down and keeps the fault real; `npm run test:faults` runs the real ones. */
export const realDurations = process.env['FAULTS'] === 'real'

/** @param realMs the duration of the fault table. @param quickMs what stands for it in `npm test`. */
export function duration(realMs: number, quickMs: number): number {
  return realDurations ? realMs : quickMs
}
