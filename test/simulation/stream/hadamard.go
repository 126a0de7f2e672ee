package stream

// hadamard replaces x, whose length is a power of two, by its Walsh–Hadamard transform: the product with the
// symmetric matrix of entries ±1 whose square is len(x) times the identity.
//
// The transform is log₂ len(x) steps, in any order, of sums and differences of the elements at distance 1, 2, 4 and so
// on. They are done two at a time, because loads and stores take longer than additions, and the short distances last,
// three at once where two would leave an inner loop of two rounds.
func hadamard(x []float32) {
	h := len(x) / 4
	for ; h >= 4; h /= 4 {
		for block := x; len(block) > 0; block = block[4*h:] {
			twoSteps(block[:4*h], h)
		}
	}
	switch {
	case h == 2:
		for ; len(x) >= 8; x = x[8:] {
			lastThreeSteps((*[8]float32)(x))
		}
	case h == 1:
		for ; len(x) >= 4; x = x[4:] {
			x[0], x[1], x[2], x[3] = butterfly(x[0], x[1], x[2], x[3])
		}
	case len(x) == 2:
		x[0], x[1] = x[0]+x[1], x[0]-x[1]
	}
}

// twoSteps does the steps of distances h and 2h on x, whose length is 4h.
func twoSteps(x []float32, h int) {
	a, b, c, d := x[:h], x[h:2*h], x[2*h:3*h], x[3*h:]
	b, c, d = b[:len(a)], c[:len(a)], d[:len(a)] // spares the loop its bounds checks
	for i := range a {
		a[i], b[i], c[i], d[i] = butterfly(a[i], b[i], c[i], d[i])
	}
}

func lastThreeSteps(x *[8]float32) {
	a, b, c, d := butterfly(x[0], x[1], x[2], x[3])
	e, f, g, h := butterfly(x[4], x[5], x[6], x[7])
	x[0], x[1], x[2], x[3] = a+e, b+f, c+g, d+h
	x[4], x[5], x[6], x[7] = a-e, b-f, c-g, d-h
}

// butterfly is the transform of four elements.
func butterfly(a, b, c, d float32) (_, _, _, _ float32) {
	a, b, c, d = a+b, a-b, c+d, c-d
	return a + c, b + d, a - c, b - d
}
