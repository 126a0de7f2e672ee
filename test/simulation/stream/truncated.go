package stream

// Truncated is a source of the first elements of another source's vectors, scaled to norm 1 again: what a client gets
// who asks a model of nested dimensions for fewer of them.
type Truncated struct {
	source Source
	full   []float32
	norm   float64 // of the latest vector before it was scaled
}

// Truncate returns a source whose vectors may have any dimension up to that of the source given.
func Truncate(source Source, dimension int) *Truncated {
	return &Truncated{source: source, full: make([]float32, dimension)}
}

func (t *Truncated) Next(x []float32) {
	t.source.Next(t.full)
	copy(x, t.full)
	t.norm = scaleTo(x, 1)
}

// Denormalise is the effect of a server that forgets to scale. It is for the latest vector.
func (t *Truncated) Denormalise(x []float32) {
	Scale(float32(t.norm))(x)
}
