package embeddingqualityprocessor

import (
	"container/list"
	"iter"
)

// lru is a map of bounded size. To make room it forgets the entry that was unused for longest.
type lru[K comparable, V any] struct {
	size    int
	entries map[K]*list.Element
	order   *list.List // of lruEntry[K, V], latest used first
}

type lruEntry[K comparable, V any] struct {
	key   K
	value V
}

func newLRU[K comparable, V any](size int) *lru[K, V] {
	return &lru[K, V]{size: size, entries: make(map[K]*list.Element), order: list.New()}
}

// get returns the value of key, made by create if there is none, and whether another entry was forgotten for it.
func (l *lru[K, V]) get(key K, create func() V) (value V, evicted bool) {
	if e, ok := l.entries[key]; ok {
		l.order.MoveToFront(e)
		return e.Value.(lruEntry[K, V]).value, false
	}
	if l.order.Len() >= l.size {
		oldest := l.order.Remove(l.order.Back()).(lruEntry[K, V])
		delete(l.entries, oldest.key)
		evicted = true
	}
	value = create()
	l.entries[key] = l.order.PushFront(lruEntry[K, V]{key: key, value: value})
	return value, evicted
}

// peek returns the value of key if there is one, and leaves it as unused as it was.
func (l *lru[K, V]) peek(key K) (value V, ok bool) {
	e, ok := l.entries[key]
	if !ok {
		return value, false
	}
	return e.Value.(lruEntry[K, V]).value, true
}

func (l *lru[K, V]) len() int { return l.order.Len() }

func (l *lru[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for e := l.order.Front(); e != nil; e = e.Next() {
			entry := e.Value.(lruEntry[K, V])
			if !yield(entry.key, entry.value) {
				return
			}
		}
	}
}

// values returns the values of l, the latest used first.
func values[K comparable, V any](l *lru[K, V]) iter.Seq[V] {
	return func(yield func(V) bool) {
		for _, v := range l.all() {
			if !yield(v) {
				return
			}
		}
	}
}
