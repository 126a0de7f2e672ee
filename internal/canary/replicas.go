package canary

import (
	"maps"
	"slices"
)

// ReplicaDifference is how one replica of a model differs from the others.
type ReplicaDifference struct {
	Replica string
	// Cosine is the median cosine of the plain texts' vectors to those of the replica that is nearest.
	Cosine float64
	// Differs is whether the replica is not one of the largest group of replicas that agree. Where several groups are the largest, it
	// can not be said who is right, and all differ.
	Differs bool
}

// CompareReplicas compares the measurements of the replicas of one model in the same round, by their names; all are of one plan. The
// result is in the order of the names, without replicas that have no vectors in common with any other. Replicas agree where
// the median distance is at most twice what their own repeats differ by, and at least 1e-4, as for the verdict same.
func CompareReplicas(replicas map[string]*Measurement) []ReplicaDifference {
	names := slices.Sorted(maps.Keys(replicas))
	agrees := make([][]bool, len(names))
	nearest := make([]float64, len(names))
	for i := range names {
		agrees[i] = make([]bool, len(names))
		agrees[i][i] = true
		nearest[i] = -1
	}
	for i, a := range names {
		for k, b := range names[:i] {
			x, y := replicas[a], replicas[b]
			d := 2.0
			if x.Dimension == y.Dimension {
				distances := commonDistances(x, y)
				if len(distances) == 0 {
					continue
				}
				d = median(distances)
			}
			same := d <= min(max(sameDistance, 2*x.noise(), 2*y.noise()), maxSameDistance)
			agrees[i][k], agrees[k][i] = same, same
			for _, r := range []int{i, k} {
				if nearest[r] < 0 || d < nearest[r] {
					nearest[r] = d
				}
			}
		}
	}
	return judgeGroups(names, agrees, nearest)
}

// judgeGroups finds the largest group: a replica with all that it agrees with.
func judgeGroups(names []string, agrees [][]bool, nearest []float64) []ReplicaDifference {
	most, best := 0, -1
	for i := range names {
		if n := len(slices.DeleteFunc(slices.Clone(agrees[i]), func(same bool) bool { return !same })); n > most && nearest[i] >= 0 {
			most, best = n, i
		}
	}
	var result []ReplicaDifference
	if best < 0 {
		return nil
	}
	// Another group is one whose replicas do not agree with the best of the first.
	tie := false
	for i := range names {
		n := len(slices.DeleteFunc(slices.Clone(agrees[i]), func(same bool) bool { return !same }))
		tie = tie || n == most && !agrees[best][i] && nearest[i] >= 0
	}
	for i, name := range names {
		if nearest[i] >= 0 {
			result = append(result, ReplicaDifference{name, 1 - nearest[i], tie || !agrees[best][i]})
		}
	}
	return result
}
