/** Runs before every test file. */
import fc from 'fast-check'

/** A failing property prints its seed; KW_SEED replays it. */
const seed = process.env['KW_SEED']
if (seed !== undefined) fc.configureGlobal({ seed: Number(seed) })
