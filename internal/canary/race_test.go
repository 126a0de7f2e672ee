//go:build race

package canary

// underRace is whether the race detector slows all of this down tenfold. There is no concurrency in it.
const underRace = true
