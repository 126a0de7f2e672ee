package drift

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// jsonWriter collects fields in a tree that encoding/json writes.
type jsonWriter struct{ tree map[string]any }

func (w jsonWriter) count(name string, v *uint64)      { w.tree[name] = *v }
func (w jsonWriter) number(name string, v *float64)    { w.tree[name] = *v }
func (w jsonWriter) text(name string, v *string)       { w.tree[name] = *v }
func (w jsonWriter) numbers(name string, v *[]float64) { w.tree[name] = nonNil(*v) }
func (w jsonWriter) singles(name string, v *[]float32) { w.tree[name] = nonNil(*v) }
func (w jsonWriter) counts(name string, v []uint64)    { w.tree[name] = v }

// nonNil keeps empty lists from being written as null.
func nonNil[T any](v []T) []T {
	if v == nil {
		return []T{}
	}
	return v
}

func (w jsonWriter) object(name string, f func(fields)) {
	o := make(map[string]any)
	f(jsonWriter{o})
	w.tree[name] = o
}

func (w jsonWriter) list(name string, n int, _ func(int), f func(int, fields)) {
	items := make([]any, n)
	for i := range items {
		o := make(map[string]any)
		f(i, jsonWriter{o})
		items[i] = o
	}
	w.tree[name] = items
}

func (w jsonWriter) want(func() bool, string, ...any) {}

// jsonReader reads the tree that encoding/json makes of what a jsonWriter collected, with numbers as json.Number: float64 would
// not hold all counts.
type jsonReader struct {
	*readErrors
	tree map[string]any
}

// field returns a field of the tree, which has to be of type T.
func field[T any](r jsonReader, name string) (v T, ok bool) {
	if r.err != nil {
		return v, false
	}
	got, found := r.tree[name]
	if v, ok = got.(T); !ok {
		if found {
			r.fail(name, fmt.Errorf("want %s, found %v", kind[T](), brief(got)))
		} else {
			r.fail(name, errors.New("missing"))
		}
	}
	return v, ok
}

func kind[T any]() string {
	var v T
	switch any(v).(type) {
	case json.Number:
		return "a number"
	case string:
		return "a string"
	case []any:
		return "a list"
	}
	return "an object"
}

// brief keeps long values out of error messages.
func brief(v any) any {
	switch v := v.(type) {
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	case map[string]any:
		return "an object"
	}
	return v
}

func (r jsonReader) count(name string, v *uint64) {
	if got, ok := field[json.Number](r, name); ok {
		r.whole(name, got, v)
	}
}

func (r jsonReader) whole(name string, got json.Number, v *uint64) {
	n, err := strconv.ParseUint(got.String(), 10, 64)
	if err != nil {
		r.fail(name, fmt.Errorf("want a whole number of up to 64 bits, found %v", got))
		return
	}
	*v = n
}

func (r jsonReader) number(name string, v *float64) {
	if got, ok := field[json.Number](r, name); ok {
		*v = r.float(name, got, 64)
	}
}

// float returns the number that is nearest among those of the given size in bits.
func (r jsonReader) float(name string, got json.Number, bits int) float64 {
	v, err := strconv.ParseFloat(got.String(), bits)
	if err != nil {
		r.fail(name, fmt.Errorf("want a number of %d bits, found %v", bits, got))
	}
	return v
}

func (r jsonReader) text(name string, v *string) {
	if got, ok := field[string](r, name); ok {
		*v = got
	}
}

// each calls f with the numbers of a list, after resize with how many they are unless there are none.
func (r jsonReader) each(name string, resize func(n int), f func(i int, v json.Number)) {
	got, ok := field[[]any](r, name)
	if !ok {
		return
	}
	if len(got) > 0 {
		resize(len(got))
	}
	for i, item := range got {
		v, ok := item.(json.Number)
		if !ok {
			r.fail(name, fmt.Errorf("want numbers, found %v at %d", brief(item), i))
		}
		if r.err != nil {
			return
		}
		f(i, v)
	}
}

func (r jsonReader) numbers(name string, v *[]float64) {
	r.each(name, func(n int) { *v = make([]float64, n) },
		func(i int, got json.Number) { (*v)[i] = r.float(name, got, 64) })
}

func (r jsonReader) singles(name string, v *[]float32) {
	r.each(name, func(n int) { *v = make([]float32, n) },
		func(i int, got json.Number) { (*v)[i] = float32(r.float(name, got, 32)) })
}

func (r jsonReader) counts(name string, v []uint64) {
	r.each(name, func(n int) {
		if n != len(v) {
			r.fail(name, fmt.Errorf("want %d numbers, found %d", len(v), n))
		}
	}, func(i int, got json.Number) { r.whole(name, got, &v[i]) })
}

func (r jsonReader) object(name string, f func(fields)) {
	if got, ok := field[map[string]any](r, name); ok {
		r.nested(name, func() { f(jsonReader{r.readErrors, got}) })
	}
}

func (r jsonReader) list(name string, _ int, resize func(int), f func(int, fields)) {
	got, ok := field[[]any](r, name)
	if !ok {
		return
	}
	resize(len(got))
	for i, item := range got {
		at := fmt.Sprintf("%s[%d]", name, i)
		tree, ok := item.(map[string]any)
		if !ok {
			r.fail(at, fmt.Errorf("want an object, found %v", brief(item)))
			return
		}
		r.nested(at, func() { f(i, jsonReader{r.readErrors, tree}) })
	}
}
