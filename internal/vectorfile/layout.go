package vectorfile

import "strings"

// layout says where the fields of a row are in a JSON object.
type layout struct {
	fields fields
	// first is the slot of each field's first name; those of its other names follow. The last is the number of slots.
	first [fieldCount + 1]int
	root  *node
}

// node is a member of an object that is a field, or has one in it.
type node struct {
	name    string
	slot    int // -1 where it is no field
	members map[string]*node
	// items is the layout of the objects in the list that the member may be, nil where their vectors are not wanted.
	items *layout
}

func newNode(name string) *node { return &node{name: name, slot: -1} }

// member returns the node of a member, which it makes where there is none.
func (n *node) member(name string) *node {
	m := n.members[name]
	if m == nil {
		m = newNode(name)
		if n.members == nil {
			n.members = map[string]*node{}
		}
		n.members[name] = m
	}
	return m
}

// newLayout returns the layout for fields. By any path, vectors are also looked for in the list data, where OpenAI's API
// has those of an answer.
func newLayout(f fields) *layout {
	l := &layout{fields: f, root: newNode("")}
	slots := 0
	for i := range f {
		l.first[i] = slots
		for _, name := range f[i].names {
			l.insert(l.root, name, slots, i == vectorField)
			slots++
		}
	}
	l.first[fieldCount] = slots
	if data := l.root.member("data"); data.items == nil {
		data.items = l
	}
	return l
}

// insert adds a path below n. At each of its members, what is left may also be one name that has dots in it.
func (l *layout) insert(n *node, path string, slot int, isVector bool) {
	n.member(path).slot = slot
	head, rest, dotted := strings.Cut(path, ".")
	if !dotted || rest == "" {
		return
	}
	m := n.member(head)
	l.insert(m, rest, slot, isVector)
	if isVector { // the path may lead through a list, each item of which has a vector
		f := l.fields
		f[vectorField] = field{names: []string{rest}, named: true}
		m.items = newLayout(f)
	}
}

// found is what a layout found in an object: the text of the value in each slot, nil where there is none, and the first
// list that may hold rows.
type found struct {
	values [][]byte
	items  []byte
	name   string
	layout *layout
}

// find walks the object that c is at. A key that comes twice counts as it comes last, as in encoding/json.
func (l *layout) find(c *cursor, into *found) {
	into.values = into.values[:0]
	for range l.first[fieldCount] {
		into.values = append(into.values, nil)
	}
	into.items = nil
	into.walk(c, l.root)
}

func (f *found) walk(c *cursor, n *node) {
	for more := c.open('{'); more; more = c.next('}') {
		m := n.members[string(c.key())]
		value := c.value()
		if m == nil || value == nil {
			continue
		}
		if m.slot >= 0 {
			f.values[m.slot] = value
		}
		switch {
		case value[0] == '{' && m.members != nil:
			f.walk(&cursor{text: value}, m)
		case value[0] == '[' && m.items != nil && f.items == nil:
			f.items, f.name, f.layout = value, m.name, m.items
		}
	}
}
