package canary

// ReplicaDifference is how one replica of a model differs from the others.
type ReplicaDifference struct {
	Replica string
	// Cosine is the median cosine of the texts' vectors to those of the replicas that agree, or of the nearest replica where no two do.
	Cosine float64
	// Differs is whether the replica is not one of the largest group of replicas that agree. Where there are two groups of the
	// same size, both differ.
	Differs bool
}

// CompareReplicas compares the measurements of the replicas of one model in the same round, by their names. The result is in the
// order of the names, without replicas that have no vectors in common with any other.
func CompareReplicas(replicas map[string]*Measurement) []ReplicaDifference { return nil }
