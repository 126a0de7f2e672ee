package embedding

import (
	"reflect"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// byteSliceOpen is whether pcommon.ByteSlice still is a struct that begins with a *[]byte.
var byteSliceOpen = func() bool {
	t := reflect.TypeFor[pcommon.ByteSlice]()
	return t.Kind() == reflect.Struct && t.NumField() > 0 && t.Field(0).Type == reflect.TypeFor[*[]byte]()
}()

// rawBytes returns the bytes of s. They are shared with s and must not be changed.
//
// pdata offers AsRaw alone, which allocates and copies 10 KB a vector at 2560 dimensions: more work than judging the
// vector takes. So the slice header is read in place while the struct has the layout it has had since pdata 1.0, and
// copied by AsRaw should that ever change.
func rawBytes(s pcommon.ByteSlice) []byte {
	if !byteSliceOpen {
		return s.AsRaw()
	}
	return **(**[]byte)(unsafe.Pointer(&s))
}

// readVectors makes e.Vectors the vectors in s, without copying them where the host allows.
func (e *Event) readVectors(s pcommon.ByteSlice) {
	raw := rawBytes(s)
	if view, ok := vector.View(raw); ok {
		e.own, e.Vectors, e.shared = e.ownVectors(), view, true
		return
	}
	e.Vectors = vector.AppendBytes(e.ownVectors(), raw)
	e.shared = false
}

// ownVectors returns e's own buffer for vectors, emptied.
func (e *Event) ownVectors() []float32 {
	if e.shared {
		return e.own[:0]
	}
	return e.Vectors[:0]
}

// putVectors writes e.Vectors as little-endian float32 bytes.
func (e *Event) putVectors(attrs pcommon.Map) {
	dst := attrs.PutEmptyBytes(attrVectors)
	if view, ok := vector.Bytes(e.Vectors); ok {
		dst.FromRaw(view)
		return
	}
	dst.FromRaw(vector.AppendFloat32s(nil, e.Vectors))
}
