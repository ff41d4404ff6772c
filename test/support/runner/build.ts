import { build } from 'tsup'

/** Builds dist/ once before the e2e project: its child processes import the package by name, as a user's would. */
export async function setup() {
  await build({ silent: true, dts: false })
}
