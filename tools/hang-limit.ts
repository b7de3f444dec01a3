// How long a test, a hook or a wait may take before it counts as hanging. Machines differ: the limit is far above what
// any of them takes, and decides nothing else.

export const hangLimit = 600_000

/** For one wait of a test that has several. */
export const waitLimit = 240_000
