package embeddingmetricsconnector

import "unicode/utf8"

// Label values that stand for others.
const (
	labelOther   = "other"   // beyond a cap
	labelUnknown = "unknown" // not known
	labelNone    = "none"    // no answer
	labelRagged  = "ragged"  // of another length than the rest of the answer
)

// maxLabelLength is the longest label value in bytes; real names are far shorter.
const maxLabelLength = 256

// usable reports whether s can be a label value: clients may send anything.
func usable(s string) bool {
	return s != "" && len(s) <= maxLabelLength && utf8.ValidString(s)
}

// limited is a set of values that takes the first max ones.
type limited[T comparable] struct {
	max  int
	kept map[T]struct{}
}

func newLimited[T comparable](max int) limited[T] {
	return limited[T]{max: max, kept: map[T]struct{}{}}
}

// admit reports whether v is in the set, and takes it in while there is room.
func (l *limited[T]) admit(v T) bool {
	if _, ok := l.kept[v]; ok {
		return true
	}
	if len(l.kept) >= l.max {
		return false
	}
	l.kept[v] = struct{}{}
	return true
}
