package vectorfile

// Options name the fields of a row: the members of JSON objects, the columns of Parquet, for vectors also the array in
// an .npz archive. "" stands for the default, the first of some common names that a row has; "-" for a field that is
// not to be read. A name with dots is a path: data.embedding is the member embedding of the member data.
//
// A name that is given must fit: a value of the wrong type is an error. Default names are guesses, and one whose value
// is no time, or no string, is passed over.
type Options struct {
	// Vector is embedding, vector, values or dense by default. In Parquet the only column of lists of floats is taken
	// by any name.
	Vector string
	// Time is timestamp, time or ts by default: RFC 3339, without an offset in UTC, or Unix time in seconds,
	// milliseconds, microseconds or nanoseconds, which are told apart by their size.
	Time string
	// Model is model by default, TaskType task_type, Replica replica and Text text.
	Model, TaskType, Replica, Text string
}

// Fields of a row, as indexes into fields.
const (
	vectorField = iota
	timeField
	modelField
	taskField
	replicaField
	textField
	fieldCount
)

// field is how one field may be called, the preferred name first.
type field struct {
	names []string
	// named is whether the name is the user's.
	named bool
}

type fields [fieldCount]field

func (o Options) fields() fields {
	return fields{
		vectorField:  choose(o.Vector, "embedding", "vector", "values", "dense"),
		timeField:    choose(o.Time, "timestamp", "time", "ts"),
		modelField:   choose(o.Model, "model"),
		taskField:    choose(o.TaskType, "task_type"),
		replicaField: choose(o.Replica, "replica"),
		textField:    choose(o.Text, "text"),
	}
}

func choose(name string, defaults ...string) field {
	switch name {
	case "":
		return field{names: defaults}
	case "-":
		return field{}
	}
	return field{names: []string{name}, named: true}
}

// wantVector says which vector field would be right, of things called members or columns.
func (f *fields) wantVector(thing string) string {
	v := f[vectorField]
	if v.named {
		return v.names[0]
	}
	return oneOf(v.names) + ", or another " + thing + " to be named"
}
