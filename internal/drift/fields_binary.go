package drift

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// binaryWriter appends fields without their names: counts as varints, numbers as they are, in little-endian order, and lengths
// before what has them.
type binaryWriter struct{ b []byte }

func (w *binaryWriter) count(_ string, v *uint64) { w.b = binary.AppendUvarint(w.b, *v) }

func (w *binaryWriter) number(_ string, v *float64) {
	w.b = binary.LittleEndian.AppendUint64(w.b, math.Float64bits(*v))
}

func (w *binaryWriter) text(_ string, v *string) {
	w.length(len(*v))
	w.b = append(w.b, *v...)
}

func (w *binaryWriter) numbers(name string, v *[]float64) {
	w.length(len(*v))
	for i := range *v {
		w.number(name, &(*v)[i])
	}
}

func (w *binaryWriter) singles(_ string, v *[]float32) {
	w.length(len(*v))
	w.b = vector.AppendFloat32s(w.b, *v)
}

func (w *binaryWriter) counts(name string, v []uint64) {
	for i := range v {
		w.count(name, &v[i])
	}
}

func (w *binaryWriter) object(_ string, f func(fields)) { f(w) }

func (w *binaryWriter) list(_ string, n int, _ func(int), f func(int, fields)) {
	w.length(n)
	for i := range n {
		f(i, w)
	}
}

func (w *binaryWriter) want(func() bool, string, ...any) {}

func (w *binaryWriter) length(n int) { w.b = binary.AppendUvarint(w.b, uint64(n)) }

// binaryReader reads what a binaryWriter wrote. It allocates no more than the data is long, whatever lengths it claims.
type binaryReader struct {
	readErrors
	b []byte
}

func (r *binaryReader) count(name string, v *uint64) {
	if r.err != nil {
		return
	}
	got, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail(name, errShort)
		return
	}
	*v, r.b = got, r.b[n:]
}

func (r *binaryReader) number(name string, v *float64) {
	if b := r.take(name, 1, 8); b != nil {
		*v = r.finite(name, math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
}

func (r *binaryReader) text(name string, v *string) {
	if b := r.take(name, r.length(name), 1); len(b) > 0 {
		*v = string(b)
	}
}

func (r *binaryReader) numbers(name string, v *[]float64) {
	n := r.length(name)
	b := r.take(name, n, 8)
	if len(b) == 0 {
		return
	}
	*v = make([]float64, n)
	for i := range *v {
		(*v)[i] = r.finite(name, math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:])))
	}
}

func (r *binaryReader) singles(name string, v *[]float32) {
	n := r.length(name)
	b := r.take(name, n, 4)
	if len(b) == 0 {
		return
	}
	*v = make([]float32, n)
	for i := range *v {
		(*v)[i] = float32(r.finite(name, float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))))
	}
}

func (r *binaryReader) counts(name string, v []uint64) {
	for i := range v {
		r.count(name, &v[i])
	}
}

func (r *binaryReader) object(name string, f func(fields)) { r.nested(name, func() { f(r) }) }

func (r *binaryReader) list(name string, _ int, resize func(int), f func(int, fields)) {
	n := r.length(name)
	if r.err == nil && n > len(r.b) { // each takes a byte or more
		r.fail(name, errShort)
	}
	if r.err != nil {
		return
	}
	resize(n)
	for i := range n {
		r.nested(fmt.Sprintf("%s[%d]", name, i), func() { f(i, r) })
	}
}

func (r *binaryReader) length(name string) int {
	var n uint64
	r.count(name, &n)
	return int(min(n, math.MaxInt32))
}

// take returns the next n values of the given size, nil after an error.
func (r *binaryReader) take(name string, n, size int) []byte {
	if r.err == nil && n > len(r.b)/size {
		r.fail(name, errShort)
	}
	if r.err != nil {
		return nil
	}
	b := r.b[: n*size : n*size]
	r.b = r.b[n*size:]
	return b
}

func (r *binaryReader) finite(name string, v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.fail(name, fmt.Errorf("want finite numbers, found %v", v))
	}
	return v
}
